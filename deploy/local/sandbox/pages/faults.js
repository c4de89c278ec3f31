// The fault desk: rules are added, shown and removed through the same JSON API that scripts use.
const $ = (id) => document.getElementById(id);
const API = "/__sandbox/faults";
const QUICK = [
  ["응답 유실 1회", { kind: "lost_answer_reset", count: 1 }],
  ["응답 없음 1회", { kind: "lost_answer_hang", count: 1 }],
  ["5초 지연", { kind: "latency", delay: 5 }],
  ["30초 서버 중단", { kind: "down", count: 1, delay: 30 }],
  ["접수 거부 503", { kind: "busy" }],
  ["접수 후 500 1회", { kind: "error_500_after", count: 1 }],
  ["잘린 응답 1회", { kind: "truncated", count: 1 }],
  ["잔액 부족", { kind: "no_balance" }],
  ["IP 차단", { kind: "ip_blocked" }],
  ["미등록 발신번호", { kind: "sender_unregistered" }],
  ["일부 실패 1회", { kind: "partial", count: 1, receivers: 3 }],
];
let labels = {};

const cell = (content) => {
  const td = document.createElement("td");
  td.append(content);
  return td;
};

async function ask(method, url = API, body = undefined) {
  const answer = await fetch(url, { method, body: body && JSON.stringify(body) });
  const text = await answer.text();
  $("error").textContent = answer.status === 400 ? JSON.parse(text).error : "";
  return text && answer.ok ? JSON.parse(text) : null;
}

function row(fault) {
  const tr = document.createElement("tr");
  const remove = Object.assign(document.createElement("button"), { textContent: "지우기", onclick: () => ask("DELETE", `${API}/${fault.id}`).then(refresh) });
  const path = Object.assign(document.createElement("code"), { textContent: fault.path });
  const left = fault.count === null ? "지울 때까지" : fault.count === 0 ? "끝남" : `${fault.count}회`;
  tr.append(cell(labels[fault.kind]), cell(path), cell(left), cell(`${Math.round(fault.probability * 100)}%`), cell(`${fault.hits}회`), cell(remove));
  return tr;
}

async function refresh() {
  const { faults, kinds } = await ask("GET");
  labels = Object.fromEntries(kinds.map(({ kind, label }) => [kind, label]));
  if (!$("kind").length) $("kind").append(...kinds.map(({ kind, label }) => new Option(label, kind)));
  const none = document.createElement("tr");
  none.append(Object.assign(cell("걸린 장애가 없습니다. 모든 요청이 정상으로 처리됩니다."), { colSpan: 6 }));
  $("rules").replaceChildren(...(faults.length ? faults.map(row) : [none]));
}

function wanted(form) {
  const words = new Set(["kind", "path", "message", "error"]);
  const given = [...new FormData(form)].filter(([, value]) => value !== "");
  return Object.fromEntries(given.map(([name, value]) => [name, words.has(name) ? value : Number(value)]));
}

$("quick").append(...QUICK.map(([label, rule]) => Object.assign(document.createElement("button"), { textContent: label, onclick: () => ask("POST", API, rule).then(refresh) })));
$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (await ask("POST", API, wanted(event.target))) await refresh();
});
$("clear").addEventListener("click", () => ask("DELETE").then(refresh));
setInterval(() => document.hidden || $("error").textContent || refresh(), 2000);
refresh();
