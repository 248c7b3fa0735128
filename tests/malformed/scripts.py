"""Files that are no media but tell a player to open something else, and names that want to be more than names."""

from __future__ import annotations

SCRIPTS = {
    "ffconcat": "ffconcat version 1.0\nfile '{canary}'\n",
    "m3u8_local": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{canary}\n#EXT-X-ENDLIST\n",
    "m3u8_remote": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:{port}/v.ts\n#EXT-X-ENDLIST\n",
    "m3u8_key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="http://127.0.0.1:{port}/key"\n#EXTINF:5,\n{canary}\n',
    "sdp": (
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    ),
    "dash": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT5S"><Period><AdaptationSet mimeType="video/mp4">'
        '<Representation id="1" bandwidth="1"><BaseURL>http://127.0.0.1:{port}/v.mp4</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    ),
    "smil": '<smil><body><video src="http://127.0.0.1:{port}/v.mp4"/></body></smil>',
    "asx": '<asx version="3.0"><entry><ref href="http://127.0.0.1:{port}/v.asf"/></entry></asx>',
    "asf_redirect": "[Reference]\nRef1=http://127.0.0.1:{port}/v.asf\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{canary}"/></svg>',
    "ffmetadata": ";FFMETADATA1\ntitle=file://{canary}\n",
}
"""`{canary}` is a file that must not be opened, `{port}` one of this machine that must not be connected to."""

HOSTILE_NAMES = (
    *("a b\nc.mp4", "-i.mp4", "..%2f..%2fetc%2fpasswd.mp4", "$(touch x).mp4", "'; DROP TABLE sources; --.mp4"),
    *("frame%03d.mp4", "concat:a|b.mp4", "http:127.0.0.1.mp4", "\N{PILE OF POO}\u202e4pm.mp4", "x" * 250 + ".mp4"),
)
