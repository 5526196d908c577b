// @ts-check
/* Updates <time datetime="…" data-relative="ago"> and "due" while the page is open, with the same
   words as the server. After a week, the date of the server stays unchanged. */

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

/** @param {number} seconds */
const formatDuration = (seconds) => {
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  const hasDays = seconds >= DAY;
  const unit = hasDays ? DAY : HOUR;
  const rest = Math.floor((seconds % unit) / (hasDays ? HOUR : MINUTE));
  const first = `${Math.floor(seconds / unit)} ${hasDays ? "d" : "h"}`;
  return rest ? `${first} ${rest} ${hasDays ? "h" : "min"}` : first;
};

/**
 * Return the words for a time, or null if it is too far away for words.
 * @param {number} moment in milliseconds since the epoch
 * @param {string | undefined} kind
 */
const relativeTime = (moment, kind) => {
  const gap = (Date.now() - moment) / 1000;
  const size = Math.abs(gap);
  if (Number.isNaN(gap) || size >= 7 * DAY) return null;
  const due = kind === "due" ? "due " : "";
  if (size < MINUTE) return `${due}now`;
  if (gap < 0) return `${due}in ${formatDuration(size)}`;
  return due ? `due ${formatDuration(size)} ago` : formatDuration(size);
};

const updateTimes = () => {
  /** @type {NodeListOf<HTMLTimeElement>} */
  const elements = document.querySelectorAll("time[data-relative]");
  for (const element of elements) {
    const text = relativeTime(Date.parse(element.dateTime), element.dataset.relative);
    if (text !== null && element.textContent !== text) element.textContent = text;
  }
};

setInterval(updateTimes, 30000);
document.addEventListener("visibilitychange", updateTimes);
