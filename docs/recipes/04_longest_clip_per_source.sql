-- The longest kept clip of each source, and where it lies in it.
SELECT uri, clip_id, start_s, end_s, duration_s
FROM (
    SELECT source_id, unnest(max_by(clips, (duration_s, clip_id)))
    FROM clips
    WHERE kept
    GROUP BY source_id
)
JOIN (SELECT source_id, min(uri) AS uri FROM sources GROUP BY source_id) USING (source_id)
ORDER BY duration_s DESC, clip_id
