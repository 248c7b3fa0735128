-- Where several annotators have placed the joints of a clip: how far apart they are, in px of the stored clip.
-- Joints are compared by index, so only between annotators of one skeleton. Without a second annotator
-- (figureground annotate CORPUS --only poses --with NAME): no rows.
WITH places AS (
    SELECT clip_id, person, skeleton, annotator, frames, unnest(range(frames * joints)) AS k,
        unnest(x) / 8 AS x, unnest(y) / 8 AS y, unnest(confidence) AS confidence
    FROM poses
    WHERE clip_id IN (SELECT clip_id FROM poses GROUP BY clip_id HAVING count(DISTINCT annotator) > 1)
)
SELECT a.clip_id, a.annotator, b.annotator AS other, count(*) AS joints_compared,
    round(median(sqrt((a.x - b.x) ** 2 + (a.y - b.y) ** 2)), 2) AS apart_median_px,
    round(quantile_cont(sqrt((a.x - b.x) ** 2 + (a.y - b.y) ** 2), 0.95), 2) AS apart_p95_px
FROM places a
JOIN places b USING (clip_id, person, skeleton, k)
WHERE a.annotator < b.annotator AND a.confidence >= 50 AND b.confidence >= 50
GROUP BY ALL
ORDER BY apart_median_px DESC, a.clip_id
