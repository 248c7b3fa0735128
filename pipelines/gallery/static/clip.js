"use strict";
// The page of one clip: the timelines follow the video, and the video follows a click on them.
const video = document.querySelector("video");
const timelines = document.querySelectorAll(".timeline");

function follow() {
  const share = video.duration ? video.currentTime / video.duration : 0;
  for (const timeline of timelines) {
    const x = share * timeline.viewBox.baseVal.width, cursor = timeline.querySelector(".cursor");
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
  }
  if (!video.paused) requestAnimationFrame(follow);
}

for (const event of ["play", "seeked", "timeupdate", "loadedmetadata"]) video.addEventListener(event, follow);
for (const timeline of timelines) {
  timeline.addEventListener("click", (event) => {
    const box = timeline.getBoundingClientRect();
    if (video.duration) video.currentTime = ((event.clientX - box.left) / box.width) * video.duration;
  });
}
addEventListener("keydown", (event) => {
  if (event.target !== document.body && event.target.id !== "main") return;
  const step = video.duration / video.dataset.frames;
  if (event.key === ".") video.currentTime += step;
  else if (event.key === ",") video.currentTime -= step;
  else if (event.key === "j" || event.key === "k") document.querySelector(event.key === "j" ? "[rel=next]" : "[rel=prev]")?.click();
});
