-- How fast wrists and ankles of the main person move: a histogram of speeds, in frame heights a second.
WITH steps AS (
    SELECT joint, fps, height,
        x - lag(x) OVER track AS dx, y - lag(y) OVER track AS dy, frame - lag(frame) OVER track AS frames_between
    FROM keypoints JOIN (SELECT clip_id, fps, height FROM clips) USING (clip_id)
    WHERE person = 0 AND confidence > 0.5
        AND joint IN ('left_wrist', 'right_wrist', 'left_ankle', 'right_ankle')
    WINDOW track AS (PARTITION BY clip_id, joint ORDER BY frame)
)
SELECT joint, floor(4 * sqrt(dx * dx + dy * dy) * fps / height) / 4 AS speed_from, speed_from + 0.25 AS speed_to,
    count(*) AS steps
FROM steps
WHERE frames_between = 1
GROUP BY ALL
ORDER BY joint, speed_from
