-- A sample with as many clips of strong background motion as of weak: 50 of each fifth, drawn at random by clip id.
SELECT clip_id, motion_fifth, background_motion
FROM (
    SELECT clip_id, motion_fifth, background_motion,
        row_number() OVER (PARTITION BY motion_fifth ORDER BY hash(clip_id)) AS place
    FROM (
        SELECT clip_id, background_motion, ntile(5) OVER (ORDER BY background_motion, clip_id) AS motion_fifth
        FROM clips
        WHERE kept AND background_motion IS NOT NULL
    )
)
WHERE place <= 50
ORDER BY motion_fifth, clip_id
