-- How much of the picture people cover, and in how many frames the main person's mask is empty, clip by clip.
SELECT clip_id,
    round(avg(area / (width * height)), 4) AS people_mean,
    round(max(area / (width * height)), 4) AS people_most,
    round(avg((main_area = 0)::INTEGER), 4) AS share_of_frames_without_main_person
FROM (
    SELECT clip_id, any_value(width) AS width, any_value(height) AS height, frame,
        sum(area) AS area, sum(area) FILTER (person = 0) AS main_area
    FROM (
        SELECT clip_id, person, width, height, unnest(area_px) AS area, unnest(range(frames)) AS frame
        FROM masks
        WHERE (clip_id, annotator) IN (SELECT clip_id, min(annotator) FROM masks GROUP BY clip_id)
    )
    GROUP BY clip_id, frame
)
GROUP BY clip_id
ORDER BY people_mean DESC, clip_id
