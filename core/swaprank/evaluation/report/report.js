"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const first = data.rows[0];
  const measured = data.rows.filter((row) => !row.error);
  const rerankers = measured.filter((row) => row !== first);
  const state = { measure: data.measures[0], row: rerankers[0] || first, query: Object.keys(data.questions)[0] };
  const MOST_SHOWN = 20;
  const TICKS = [0.01, 0.1, 1, 10, 100, 1e3, 1e4, 1e5].flatMap((decade) => [decade, 2 * decade, 5 * decade]);

  const node = (tag, text, attributes = {}) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const fixed = (value, digits = 4) => (value === undefined || value === null ? "–" : value.toFixed(digits));
  const signed = (value, digits = 4) => (value > 0 ? "+" : "") + value.toFixed(digits);
  const ms = (seconds) => (1000 * seconds).toFixed(seconds < 0.01 ? 1 : 0);
  // Plotly reads a few tags in texts.
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  const short = (text, most) => (text.length > most ? text.slice(0, most) + "…" : text);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const compared = (row, role) =>
    data.comparisons.find((one) => one.row === row.name && one.role === role && one.measure === state.measure);

  const draw = (id, traces, layout) => {
    const axis = { gridcolor: css("--line"), zerolinecolor: css("--line"), automargin: true, ticklabelstandoff: 4 };
    const whole = {
      paper_bgcolor: css("--paper"), plot_bgcolor: css("--paper"), showlegend: false,
      font: { color: css("--ink"), family: "system-ui, sans-serif" }, margin: { l: 10, r: 15, t: 10, b: 40 },
      ...layout, xaxis: { ...axis, ...layout.xaxis }, yaxis: { ...axis, ...layout.yaxis },
    };
    return Plotly.react(byId(id), traces, whole, { responsive: true, displaylogo: false, displayModeBar: false });
  };

  const table = (id, heads, rows) => {
    const made = byId(id);
    made.replaceChildren();
    const head = node("tr");
    heads.forEach(([text, kind]) => head.append(node("th", text, { scope: "col", class: kind || "" })));
    const body = node("tbody");
    rows.forEach((cells) => {
      const line = node("tr");
      cells.forEach(([text, kind, columns = 1], place) => {
        const cell = node(place ? "td" : "th", undefined, place ? { class: kind || "" } : { scope: "row" });
        cell.colSpan = columns;
        if (text instanceof Node) cell.append(text);
        else cell.append((kind || "").startsWith("text") ? node("div", text) : String(text));
        line.append(cell);
      });
      body.append(line);
    });
    const top = node("thead");
    top.append(head);
    made.append(top, body);
  };

  const facts = () => {
    const about = data.dataset;
    const parts = [about.name + (about.split ? " (" + about.split + ")" : ""), about.queries + " queries",
      Math.round(about.candidates) + " candidates each", about.first_stage, data.machine.processor || data.machine.system,
      data.machine.cpus + " cores", "swaprank " + data.swaprank];
    byId("facts").textContent = parts.filter(Boolean).join(" · ");
  };

  const rows = () => {
    const priced = data.rows.some((row) => row.cost);
    const test = data.comparisons.length ? data.comparisons[0].test : "";
    byId("rows-note").textContent = test
      ? "p: paired " + test + " test of " + state.measure + ", Holm-corrected. W/T/L: queries won, tied and lost against the first stage." : "";
    const best = Object.fromEntries(data.measures.map((name) => [name, Math.max(...measured.map((row) => row.measures[name]))]));
    const heads = [["reranker"], ...data.measures.map((name) => [name]), ["p, first stage"], ["p, best"], ["W/T/L"],
      ["ms p50"], ["ms p95"], ["requests"], ["tokens in"], ["tokens out"], ...(priced ? [["cost per 1000"]] : [])];
    table("rows", heads, data.rows.map((row) => {
      if (row.error) return [[row.name], [short(row.error, 300), "text bad", heads.length - 1]];
      const one = compared(row, "first-stage"), other = compared(row, "best");
      const values = data.measures.map((name) => [fixed(row.measures[name]), row.measures[name] === best[name] ? "best" : ""]);
      const p = (found) => (found ? [fixed(found.p_holm), found.p_holm < 0.05 ? "best" : ""] : ["–"]);
      const work = row.latency ? [ms(row.latency.p50), ms(row.latency.p95), row.work.requests, row.work.input_tokens,
        row.work.output_tokens].map((value) => [value.toLocaleString("en")]) : Array(5).fill(["–"]);
      const cost = priced ? [[row.cost ? fixed(row.cost.per_1000_queries, 2) + " " + row.cost.currency : "–"]] : [];
      return [[row.name], ...values, p(one), p(other), [one ? `${one.wins}/${one.ties}/${one.losses}` : "–"], ...work, ...cost];
    }));
  };

  const pareto = () => {
    const points = rerankers.filter((row) => row.latency)
      .map((row) => ({ row: row.name, name: plain(row.name), x: 1000 * row.latency.p50, y: row.measures[state.measure] }))
      .sort((one, other) => one.x - other.x || other.y - one.y);
    let highest = -Infinity;
    const front = points.filter((point) => point.y > highest && ((highest = point.y), true));
    const before = first.measures[state.measure];
    numbered(points);
    draw("pareto", [
      { x: front.map((point) => point.x), y: front.map((point) => point.y), mode: "lines", hoverinfo: "skip",
        line: { color: css("--mark"), width: 2 } },
      { x: points.map((point) => point.x), y: points.map((point) => point.y), text: points.map((point, place) => (narrow() ? String(place + 1) : short(point.name, 28))),
        hovertext: points.map((point) => point.name),
        mode: "markers+text", textposition: points.map((point, place) => (place % 2 ? "bottom " : "top ") + side(point.x, points)),
        cliponaxis: false,
        marker: { size: 11, color: points.map((point) => css(front.includes(point) ? "--mark" : "--neutral")) },
        hovertemplate: "%{hovertext}<br>%{x:.1f} ms<br>%{y:.4f}<extra></extra>" },
    ], {
      xaxis: { type: "log", title: { text: "ms per query (p50)" }, tickvals: TICKS, range: span(points.map((point) => Math.log10(point.x)), 0.35) },
      yaxis: { title: { text: state.measure }, range: span([before, ...points.map((point) => point.y)], 0.15) },
      shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: before, y1: before, line: { color: css("--soft"), dash: "dash" } }],
      annotations: [{ xref: "paper", x: 0, y: before, text: "first stage", showarrow: false, xanchor: "left", yanchor: "bottom" }],
    });
  };
  // On a phone names would cover one another: points have numbers there, and a list below them the names.
  const numbered = (points) => {
    byId("points").hidden = !narrow();
    byId("points").replaceChildren(...points.map((point) => node("li", point.row)));
  };
  const narrow = () => innerWidth < 640;
  // Labels grow towards the middle, so that none is cut off at an edge.
  const side = (x, points) => {
    const [low, high] = [Math.log(points[0].x), Math.log(points.at(-1).x)];
    const share = high > low ? (Math.log(x) - low) / (high - low) : 0.5;
    return share < 0.3 ? "right" : share > 0.7 ? "left" : "center";
  };
  const span = (values, share) => {
    if (!values.length) return [0, 1];
    const low = Math.min(...values), high = Math.max(...values), room = (high - low || 0.5) * share;
    return [low - room, high + room];
  };

  const bars = () => {
    const shown = [...measured].reverse();
    const mean = shown.map((row) => row.measures[state.measure]);
    const range = shown.map((row) => row.intervals[state.measure] || [0, 0]);
    draw("bars", [{
      type: "bar", orientation: "h", y: shown.map((row) => plain(short(row.name, narrow() ? 16 : 28))), x: mean,
      marker: { color: shown.map((row) => css(row === first ? "--neutral" : "--mark")) },
      error_x: { type: "data", symmetric: false, color: css("--ink"), array: range.map(([, high], place) => high - mean[place]),
        arrayminus: range.map(([low], place) => mean[place] - low) },
      hovertemplate: "%{y}<br>%{x:.4f}<extra></extra>",
    }], { xaxis: { title: { text: state.measure }, rangemode: "tozero" }, height: Math.max(180, 70 + 46 * shown.length) });
  };

  const differences = () => Object.keys(data.questions)
    .map((query) => ({ query, by: (state.row.queries[query]?.measures[state.measure] ?? 0) - (first.queries[query]?.measures[state.measure] ?? 0) }))
    .sort((one, other) => other.by - one.by);

  const queries = () => {
    const found = differences();
    draw("queries", [{
      type: "bar", x: found.map((_, place) => place + 1), y: found.map((one) => one.by),
      customdata: found.map((one) => one.query),
      text: found.map((one) => plain(short(data.questions[one.query].text, 80))), textposition: "none",
      marker: { color: found.map((one) => css(one.by > 0 ? "--good" : "--bad")),
        line: { color: css("--ink"), width: found.map((one) => (one.query === state.query ? 2 : 0)) } },
      hovertemplate: "%{text}<br>%{y:+.4f}<extra></extra>",
    }], { xaxis: { title: { text: "queries, by difference" } }, yaxis: { title: { text: "Δ " + state.measure } }, bargap: 0.1 });
    const chosen = byId("query");
    chosen.replaceChildren(...found.map((one) =>
      node("option", signed(one.by, 3) + "  " + short(data.questions[one.query].text || one.query, 90), { value: one.query })));
    chosen.value = state.query;
  };

  const flow = () => {
    const question = data.questions[state.query];
    const result = state.row.queries[state.query] || { ranking: [], scores: [], calls: [], failures: [], warnings: [], reasoning: {} };
    byId("asked").textContent = question.text || state.query;
    const before = new Map(question.candidates.map((id, place) => [id, place + 1]));
    const after = new Map(result.ranking.map((id, place) => [id, place + 1]));
    const told = [["time", ms(result.seconds || 0) + " ms"], ["repairs", result.repairs || 0],
      ...result.calls.map((call) => [call.method + (call.model ? " · " + call.model : ""),
        `${ms(call.seconds)} ms, ${call.requests} requests, ${call.input_tokens} + ${call.output_tokens} tokens`]),
      ...result.failures.map((one) => ["failure", `${one.reranker}: ${one.error} (${one.action})`]),
      ...result.warnings.map((one) => ["warning", one])];
    byId("work").replaceChildren(...told.map(([key, value]) => {
      const line = node("li");
      line.append(node("span", key + " "), String(value));
      return line;
    }));
    inner(result.inner || []);
    const ids = [...new Set([...question.candidates.slice(0, MOST_SHOWN), ...result.ranking.slice(0, MOST_SHOWN)])];
    const last = Math.max(...ids.map((id) => Math.max(before.get(id) || 0, after.get(id) || 0)), 1) + 1;
    const color = (id) => css((question.relevance[id] || 0) > 0 ? "--good" : "--neutral");
    draw("flow", ids.map((id) => ({
      x: [0, 1], y: [before.get(id) || last, after.get(id) || last], mode: "lines+markers",
      line: { color: color(id), width: (question.relevance[id] || 0) > 0 ? 3 : 1 }, marker: { color: color(id), size: 7 },
      text: Array(2).fill(plain(short(id + ": " + (data.passages[id]?.text || ""), 90))), hovertemplate: "%{text}<br>rank %{y}<extra></extra>",
    })), {
      xaxis: { tickvals: [0, 1], ticktext: ["first stage", plain(short(state.row.name, narrow() ? 12 : 20))], range: narrow() ? [-0.3, 1.3] : [-0.15, 1.15], fixedrange: true },
      yaxis: { title: { text: "rank" }, range: [last + 0.5, 0.5], zeroline: false },
      height: Math.min(760, 160 + 16 * last),
    });
    const move = (id) => {
      const was = before.get(id), is = after.get(id);
      if (is === undefined) return ["dropped", "bad"];
      return was === is ? ["="] : [(was > is ? "▲ " : "▼ ") + Math.abs(was - is), was > is ? "good" : "bad"];
    };
    const known = Object.values(data.passages);
    const texts = known.some((one) => one.text || one.title), images = known.some((one) => one.images.length);
    const reasons = Object.keys(result.reasoning).length > 0;
    const order = [...result.ranking, ...question.candidates.filter((id) => !after.has(id))].slice(0, 2 * MOST_SHOWN);
    table("passages", [["passage"], ["after"], ["before"], ["moved"], ["score"], ["judged"],
      ...(images ? [["images", "images"]] : []), ...(texts ? [["text", "text"]] : []), ...(reasons ? [["reasoning", "text"]] : [])],
    order.map((id) => {
      const judged = question.relevance[id];
      const passage = data.passages[id] || { text: "", title: "", images: [] };
      const place = after.get(id);
      return [[short(id, 24)], [place ?? "–"], [before.get(id) ?? "–"], move(id),
        [place === undefined ? "–" : fixed(result.scores[place - 1])],
        [judged === undefined ? "–" : judged, judged > 0 ? "good best" : ""],
        ...(images ? [[pictures(id, passage.images), "images"]] : []),
        ...(texts ? [[short([passage.title, passage.text].filter(Boolean).join(" — "), 600), "text"]] : []),
        ...(reasons ? [[result.reasoning[id] || "", "text"]] : [])];
    }));
  };

  const pictures = (id, urls) => {
    const made = node("div");
    urls.filter((url) => url.startsWith("data:image/jpeg;base64,")).forEach((src, place) =>
      made.append(node("img", undefined, { src, alt: `Image ${place + 1} of ${id}` })));
    return made;
  };

  // What was found for sub-questions and rewritten queries: one list each.
  const inner = (found) => {
    const made = byId("inner");
    made.hidden = !found.length;
    made.replaceChildren(...(found.length ? [node("h3", "Questions asked on the way")] : []), ...found.map((one) => {
      const part = node("details");
      const head = node("summary");
      head.append(node("bdi", one.query), ` (${one.stage}, ${one.ranking.length} found)`);
      const list = node("ol");
      one.ranking.slice(0, MOST_SHOWN).forEach((id, place) => {
        const text = data.passages[id]?.text || "";
        const line = node("li", short(id, 24) + (one.scores.length ? "  " + fixed(one.scores[place]) : ""));
        if (text) line.append(" ", node("bdi", short(text, 100)));
        list.append(line);
      });
      part.append(head, list);
      return part;
    }));
  };

  const all = () => { rows(); pareto(); bars(); queries(); flow(); };

  const options = (id, values, chosen, change) => {
    const made = byId(id);
    made.replaceChildren(...values.map((value) => node("option", value, { value })));
    made.value = chosen;
    made.addEventListener("change", () => { change(made.value); all(); });
  };
  facts();
  options("measure", data.measures, state.measure, (value) => { state.measure = value; });
  options("row", (rerankers.length ? rerankers : [first]).map((row) => row.name), state.row.name,
    (value) => { state.row = measured.find((row) => row.name === value); });
  byId("query").addEventListener("change", (event) => { state.query = event.target.value; queries(); flow(); });
  byId("theme").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
    all();
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    if ((width < 640) !== narrow()) all();
    width = innerWidth;
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  state.query = differences()[0]?.query ?? state.query;
  all();
  byId("queries").on("plotly_click", (event) => { state.query = event.points[0].customdata; queries(); flow(); });
  document.documentElement.dataset.ready = "yes";
})();
