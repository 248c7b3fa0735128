-- How fast wrists and ankles of the main person move: a histogram of speeds, in frame heights a second.
-- A step is from a frame to the next one in which the annotator is sure of the joint, too.
-- Speeds above about 2 heights a second are mostly jumps of the annotator; `keypoint_jitter`, a median, shows no
-- single ones.
-- Needs DuckDB 1.3 or later, for `lambda`.
WITH speeds AS (
    SELECT joint, unnest(list_transform(range(1, frames), lambda i:
        CASE WHEN confidence[i] > 50 AND confidence[i + 1] > 50
            THEN sqrt((x[i + 1] - x[i]) ** 2 + (y[i + 1] - y[i]) ** 2) / 8 * fps / height END)) AS speed
    FROM joint_paths JOIN (SELECT clip_id, fps, height FROM clips) USING (clip_id)
    WHERE person = 0 AND joint IN ('left_wrist', 'right_wrist', 'left_ankle', 'right_ankle')
)
SELECT joint, floor(4 * speed) / 4 AS speed_from, speed_from + 0.25 AS speed_to, count(*) AS steps
FROM speeds
WHERE speed IS NOT NULL
GROUP BY ALL
ORDER BY joint, speed_from
