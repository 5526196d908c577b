// @ts-check
/* Closes the menu of a narrow screen: with Escape, and with a click outside of it. */

/** @returns {HTMLDetailsElement | null} */
const openMenu = () => document.querySelector(".menu[open]");

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && openMenu();
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary")?.focus();
});

document.addEventListener("click", (event) => {
  const menu = openMenu();
  if (menu && !menu.contains(/** @type {Node} */ (event.target))) menu.open = false;
});
