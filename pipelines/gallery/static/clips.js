"use strict";
// The page of clips: state lives in the address, so that every view can be linked to.
const PAGE = 48;
const { columns, scores, cameras } = window.corpus;
const count = columns.clip_id.length;
const form = document.getElementById("controls");
const grid = document.getElementById("grid");
const status = document.getElementById("status");

function node(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function fill(select, names, labels) {
  names.forEach((name, i) => select.append(node("option", { value: name }, labels ? labels[i] : name)));
}

function state() {
  const read = new URLSearchParams(location.hash.slice(1));
  return {
    sort: columns[read.get("sort")] ? read.get("sort") : "clip_id",
    order: read.get("order") === "down" ? "down" : "up",
    camera: read.get("camera") || "",
    find: read.get("find") || "",
    score: scores.includes(read.get("score")) ? read.get("score") : scores[0],
    from: read.get("from") || "",
    to: read.get("to") || "",
    page: Math.max(1, parseInt(read.get("page"), 10) || 1),
  };
}

function link(view) {
  const written = new URLSearchParams();
  for (const [key, value] of Object.entries(view)) if (value !== "") written.set(key, value);
  return "#" + written;
}

function chosen(view) {
  const value = columns[view.score], from = parseFloat(view.from), to = parseFloat(view.to);
  const rows = [];
  for (let i = 0; i < count; i++) {
    if (view.camera && columns.camera[i] !== view.camera) continue;
    if (view.find && !columns.clip_id[i].includes(view.find) && !columns.uri[i].includes(view.find)) continue;
    if (!isNaN(from) && !(value[i] !== null && value[i] >= from)) continue;
    if (!isNaN(to) && !(value[i] !== null && value[i] <= to)) continue;
    rows.push(i);
  }
  const by = columns[view.sort], sign = view.order === "down" ? -1 : 1;
  return rows.sort((a, b) => {
    if (by[a] === by[b]) return a - b;
    if (by[a] === null) return 1;
    if (by[b] === null) return -1;
    return by[a] < by[b] ? -sign : sign;
  });
}

function card(i, view) {
  const id = columns.clip_id[i];
  const picture = node("img", { class: "poster", src: `poster/${id}.jpg`, alt: "", loading: "lazy", width: 320, height: 180 });
  const play = node("button", { class: "play", type: "button", "aria-label": `Play ${id}`, "aria-pressed": "false" }, "▶");
  const item = node("li", {});
  const shown = [...new Set([view.sort, view.score])].filter((name) => scores.includes(name) && name !== "duration_s");
  const facts = shown.map((name) => `${name} ${columns[name][i] === null ? "not measured" : columns[name][i]}`);
  item.append(
    picture, play,
    node("h2", {}, node("a", { href: `clip/${id}.html` }, id)),
    node("p", {}, [`${columns.duration_s[i]} s`, columns.camera[i], ...facts].join(" · ")),
  );
  let video = null;
  const start = () => {
    if (video) return;
    video = node("video", { class: "poster", src: `video/${id}.mp4`, poster: `poster/${id}.jpg`, playsinline: "", loop: "", "aria-label": `Clip ${id}` });
    video.muted = true;
    picture.replaceWith(video);
    video.play().catch(() => {});
    play.textContent = "❚❚";
    play.setAttribute("aria-pressed", "true");
  };
  const stop = () => {
    if (!video) return;
    video.replaceWith(picture);
    video = null;
    play.textContent = "▶";
    play.setAttribute("aria-pressed", "false");
  };
  let hovered = false;
  item.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") { hovered = true; start(); } });
  item.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse" && hovered) { hovered = false; stop(); } });
  play.addEventListener("click", () => { if (video) { hovered = false; stop(); } else start(); });
  return item;
}

function show() {
  const view = state(), rows = chosen(view), pages = Math.max(1, Math.ceil(rows.length / PAGE));
  view.page = Math.min(view.page, pages);
  for (const name of ["sort", "order", "camera", "find", "score", "from", "to"]) {
    const field = form.elements[name];
    if (field !== document.activeElement || field.tagName === "SELECT") field.value = view[name];
  }
  const visible = rows.slice((view.page - 1) * PAGE, view.page * PAGE);
  grid.replaceChildren(...visible.map((i) => card(i, view)));
  status.textContent = `${rows.length} of ${count} clips, page ${view.page} of ${pages}`;
  for (const [id, step] of [["previous", -1], ["next", 1]]) {
    const button = document.getElementById(id), to = view.page + step;
    button.disabled = to < 1 || to > pages;
    button.onclick = () => { location.hash = link({ ...view, page: to }); window.scrollTo(0, 0); };
  }
}

function changed() {
  const view = { page: 1 };
  for (const name of ["sort", "order", "camera", "find", "score", "from", "to"]) view[name] = form.elements[name].value;
  history.replaceState(null, "", link(view));
  show();
}

fill(form.elements.sort, ["clip_id", ...scores]);
fill(form.elements.score, scores);
fill(form.elements.camera, ["", ...cameras], ["any", ...cameras]);
form.addEventListener("input", changed);
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => { history.replaceState(null, "", "#"); setTimeout(show); });
addEventListener("hashchange", show);
show();
