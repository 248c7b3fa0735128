-- Most background motion with a still person: the camera moves, the person does not.
-- background_motion is in frame widths a second: from 0.045 on, `camera` is not static. person_motion is in torso
-- lengths a second: the walker of the demo's footage has 1.25.
SELECT clip_id, background_motion, person_motion, camera
FROM clips
WHERE kept AND person_motion < 0.3 AND background_motion >= 0.045
ORDER BY background_motion DESC, clip_id
LIMIT 20
