-- How much of the picture people cover, and in how many frames the main person's mask is empty, by clip and annotator.
-- Needs DuckDB 1.3 or later, for `lambda`.
WITH clip_masks AS (
    SELECT clip_id, annotator, any_value(width * height) AS pixels, list(area_px) AS people,
        any_value(area_px) FILTER (person = 0) AS main
    FROM masks
    GROUP BY clip_id, annotator
),
frames AS (
    SELECT clip_id, annotator, pixels, main,
        list_reduce(people, lambda a, b: list_transform(list_zip(a, b), lambda pair: pair[1] + pair[2])) AS areas
    FROM clip_masks
)
SELECT clip_id, annotator,
    round(list_avg(areas) / pixels, 4) AS people_mean,
    round(list_max(areas) / pixels, 4) AS people_most,
    round(len(list_filter(main, lambda area: area = 0)) / len(main), 4) AS share_of_frames_without_main_person
FROM frames
ORDER BY people_mean DESC, clip_id, annotator
