// Charts, and two comforts inside Airflow's frame; everything on the page works without them.
"use strict";

// Tables become charts as they come into view. Expressions are interpreted, because the page forbids eval; styles stand
// in the sheet, because the page forbids inline ones.
(() => {
  if (!window.vegaEmbed) return;
  const options = {
    ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: { disableDefaultStyle: true, offsetX: 12 },
  };
  const draw = async (chart) => {
    const spec = JSON.parse(chart.querySelector("script").textContent);
    const place = document.createElement("div");
    chart.append(place);
    await window.vegaEmbed(place, spec, options);
    chart.parentElement.querySelector("details.as-table").open = false;
  };
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      draw(target).catch((error) => { target.hidden = true; console.error(error); });
    }
  }, { rootMargin: "400px" });
  for (const chart of document.querySelectorAll(".chart")) {
    chart.hidden = false;
    seen.observe(chart);
  }
})();

(() => {
  let outer = null;
  try {
    // Airflow serves this page in a frame of its own origin; anybody else's frame is left alone.
    outer = window.parent !== window && window.parent.document ? window.parent : null;
  } catch {
    outer = null;
  }
  if (!outer) return;
  document.documentElement.dataset.framed = "";

  // 1. Airflow's colour mode is a choice of its user, which may differ from the system's.
  const root = outer.document.documentElement;
  const follow = () => {
    const dark = root.classList.contains("dark");
    if (dark || root.classList.contains("light")) document.documentElement.dataset.theme = dark ? "dark" : "light";
  };
  follow();
  new MutationObserver(follow).observe(root, { attributes: true, attributeFilter: ["class"] });

  // 2. Links to Dags and runs open in the Airflow around the frame instead of a second Airflow within it.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-airflow]");
    if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const index = (outer.history.state && outer.history.state.idx) || 0;
    outer.history.pushState({ idx: index + 1, key: "mlops", usr: null }, "", link.href);
    outer.dispatchEvent(new PopStateEvent("popstate", { state: outer.history.state }));
  });
})();
