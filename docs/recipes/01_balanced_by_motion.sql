-- As many clips of each band of background motion (frame widths a second), at most 50 each, the same ones every time.
-- A band with fewer gives what it has. From 0.045 on, `camera` is no longer static.
SELECT clip_id, band, background_motion
FROM (
    SELECT clip_id, band, background_motion, row_number() OVER (PARTITION BY band ORDER BY md5(clip_id)) AS place
    FROM (
        SELECT clip_id, background_motion,
            CASE WHEN background_motion < 0.01 THEN 'still' WHEN background_motion < 0.045 THEN 'slow'
                WHEN background_motion < 0.2 THEN 'medium' ELSE 'fast' END AS band
        FROM clips
        WHERE kept AND background_motion IS NOT NULL
    )
)
WHERE place <= 50
ORDER BY background_motion, clip_id
