-- Where several annotators have placed the joints of a clip: how far apart they are, in px of the stored clip.
-- Joints are compared by name, so also between skeletons. Without a second annotator
-- (figureground annotate CORPUS --only poses --with NAME): no rows.
WITH places AS (
    SELECT * FROM all_keypoints
    WHERE confidence >= 0.5
        AND clip_id IN (SELECT clip_id FROM poses GROUP BY clip_id HAVING count(DISTINCT annotator) > 1)
)
SELECT a.clip_id, a.annotator, b.annotator AS other, count(*) AS joints_compared,
    round(median(sqrt((a.x - b.x) ** 2 + (a.y - b.y) ** 2)), 2) AS apart_median_px,
    round(quantile_cont(sqrt((a.x - b.x) ** 2 + (a.y - b.y) ** 2), 0.95), 2) AS apart_p95_px
FROM places a
JOIN places b USING (clip_id, person, joint, frame)
WHERE a.annotator < b.annotator
GROUP BY ALL
ORDER BY apart_median_px DESC, a.clip_id
