-- Most background motion with a still person: the camera moves, the person does not.
-- background_motion is in frame widths a second, person_motion in torso lengths a second.
SELECT clip_id, background_motion, person_motion, camera
FROM clips
WHERE kept AND person_motion <= (SELECT quantile_cont(person_motion, 0.25) FROM clips WHERE kept)
ORDER BY background_motion DESC NULLS LAST, clip_id
LIMIT 20
