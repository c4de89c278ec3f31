// The virtual handset: polls what arrived and draws it.
const $ = (id) => document.getElementById(id);
const el = (tag, props = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
};
const chosen = { phone: location.hash.slice(1), sender: "" };
const seen = {};

function dashed(number) {
  if (number.startsWith("02")) return number.replace(/^(02)(\d{3,4})(\d{4})$/, "$1-$2-$3");
  if (/^1\d{7}$/.test(number)) return number.replace(/^(\d{4})(\d{4})$/, "$1-$2");
  return number.replace(/^(\d{3,4}?)(\d{3,4})(\d{4})$/, "$1-$2-$3");
}

function moment(stamp) {
  const at = new Date(stamp.replace(" ", "T") + "+09:00");
  const parts = (options) => at.toLocaleString("ko-KR", { timeZone: "Asia/Seoul", ...options });
  return { date: parts({ month: "long", day: "numeric", weekday: "long" }), time: parts({ hour: "numeric", minute: "2-digit" }) };
}

const LINK = /(https?:\/\/[^\s]+|(?:[a-z0-9-]+\.)+(?:kr|com|net|org|io|me|ly|link|shop)(?:\/[^\s]*)?|\b0\d{1,3}-?\d{3,4}-?\d{4}\b)/gi;

function linked(text) {
  return text.split(LINK).map((part, place) => {
    if (place % 2 === 0) return part;
    const [, body, tail] = part.match(/^(.*?)([.,!?)\]]*)$/s);
    const phone = /^[\d-]+$/.test(body);
    const href = phone ? `tel:${body}` : /^https?:/i.test(body) ? body : `http://${body}`;
    const anchor = el("a", { href, textContent: body });
    if (!phone) Object.assign(anchor, { target: "_blank", rel: "noopener noreferrer" });
    const both = document.createDocumentFragment();
    both.append(anchor, tail);
    return both;
  });
}

// KakaoTalk: the channel's name, an emphasised title, buttons; no label of the carrier.
function notice(message) {
  const { channel, title, buttons = [] } = message.kakao;
  const box = el("div", { className: "bubble kakao" }, el("div", { className: "kakao-head" }, el("b", { textContent: "알림톡 도착" }), channel));
  if (title) box.append(el("div", { className: "kakao-title", textContent: title }));
  box.append(el("p", {}, ...linked(message.text.replaceAll("\r\n", "\n"))));
  for (const button of buttons) box.append(el("a", { className: "kakao-button", textContent: button.name, href: button.linkMo || "#", target: "_blank", rel: "noopener noreferrer" }));
  return box;
}

function bubble(message) {
  if (message.template) return notice(message);
  const box = el("div", { className: "bubble" });
  for (const image of message.images) {
    const picture = el("img", { src: image.url, alt: "받은 그림", onclick: () => zoom(image.url), onload: settle });
    box.append(picture);
  }
  const text = el("p", {}, el("span", { className: "web", textContent: "[Web발신]\n" }));
  if (message.title && !message.text.startsWith(message.title)) text.append(el("span", { className: "title", textContent: message.title }));
  text.append(...linked(message.text));
  box.append(text);
  return box;
}

function zoom(url) {
  $("zoom").firstElementChild.src = url;
  $("zoom").showModal();
}

// Like a handset: down to the newest message, but a tall one is shown from its top.
function settle() {
  if (seen.stuck === false) return;
  const talk = $("talk");
  const last = [...talk.querySelectorAll(".time")].at(-1);
  talk.scrollTop = talk.scrollHeight;
  if (last && last.offsetTop - talk.offsetTop < talk.scrollTop) talk.scrollTop = last.offsetTop - talk.offsetTop - 10;
  seen.put = talk.scrollTop;
}

function drawTalk(messages) {
  const shown = messages.filter((message) => message.shown).reverse();
  const senders = [...new Set(shown.map((message) => message.sender))];
  if (!senders.includes(chosen.sender)) chosen.sender = senders.at(-1) ?? "";
  $("from").textContent = chosen.sender ? dashed(chosen.sender) : "\u00a0";
  $("senders").replaceChildren(...(senders.length > 1 ? senders : []).map((sender) =>
    el("button", { textContent: dashed(sender), ariaPressed: String(sender === chosen.sender), onclick: () => { chosen.sender = sender; drawTalk(messages); } })));
  const nodes = [];
  let day = "";
  for (const message of shown.filter((one) => one.sender === chosen.sender)) {
    const { date, time } = moment(message.shown_at);
    nodes.push(el("div", { className: "time" }, el("b", { textContent: date === day ? "" : `${date} ` }), time));
    nodes.push(bubble(message), el("div", { className: "under", textContent: size(message) }));
    day = date;
  }
  $("talk").replaceChildren(...(nodes.length ? nodes : [nothing()]));
  settle();
}

function size(message) {
  if (message.template) return `카카오톡 알림톡 · ${message.text.length.toLocaleString()}자`;
  return `${message.type} · ${message.bytes.toLocaleString()}바이트`;
}

function nothing() {
  const box = el("div", { className: "empty" });
  box.innerHTML = '<svg viewBox="0 0 24 24"><path d="M4 5h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-8l-5 4v-4H4a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1Z" stroke-linejoin="round"/></svg><br>';
  box.append("아직 도착한 문자가 없습니다.");
  return box;
}

const TONE = { "발송완료": "good", "전송중": "wait", "예약대기": "wait" };

function drawFacts(messages) {
  if (!chosen.phone) return $("facts").replaceChildren();
  const arrived = messages.filter((message) => message.shown).length;
  const rows = messages.map((message) => {
    const facts = { 유형: size(message), 발신번호: dashed(message.sender), 접수: message.accepted_at,
      도착: message.shown_at || "–", 접수번호: message.reference };
    for (const image of message.images) facts[`그림`] = `${Math.ceil(image.bytes / 1000).toLocaleString()} KB`;
    const list = el("dl");
    for (const [name, value] of Object.entries(facts)) list.append(el("dt", { textContent: name }), el("dd", { textContent: value }));
    return el("li", {}, el("span", { className: `tag ${TONE[message.state] ?? "bad"}`, textContent: message.state }), list);
  });
  $("facts").replaceChildren(
    el("h2", { textContent: dashed(chosen.phone) }),
    el("div", { className: "sum", textContent: `이 번호로 접수 ${messages.length}건 · 도착 ${arrived}건` }),
    el("ol", {}, ...rows));
}

function drawPhones({ phones, accepted_messages: total }) {
  $("total").textContent = `접수한 문자 ${total.toLocaleString()}건`;
  if (!chosen.phone && phones.length) choose(phones[0].receiver);
  $("phones").replaceChildren(...phones.map((message) => {
    const hue = (Number(message.receiver.slice(-4)) * 47) % 360;
    const face = el("span", { className: "face", textContent: message.receiver.slice(-2), style: `background: hsl(${hue} 45% 62%)` });
    return el("li", {}, el("button", { ariaPressed: String(message.receiver === chosen.phone), onclick: () => choose(message.receiver) },
      face, el("span", { className: "who", textContent: dashed(message.receiver) }), el("span", { className: "when", textContent: moment(message.shown_at).time }),
      el("span", { className: "what", textContent: message.text.replaceAll("\n", " ") })));
  }));
  if (!phones.length) $("phones").append(el("li", { className: "empty", textContent: $("search").value ? "찾는 번호가 없습니다." : "문자를 보내면 여기에 나타납니다." }));
}

function choose(phone) {
  chosen.phone = phone;
  history.replaceState(null, "", `#${phone}`);
  seen.stuck = true;
  refresh(true);
}

async function fetched(name, url, draw, force) {
  const text = await (await fetch(url)).text();
  if (!force && seen[name] === url + text) return;
  seen[name] = url + text;
  draw(JSON.parse(text));
}

async function refresh(force = false) {
  try {
    await fetched("phones", `/__sandbox/phones?limit=60&search=${encodeURIComponent($("search").value)}`, drawPhones, force);
    const draw = ({ messages }) => { drawTalk(messages); drawFacts(messages); };
    if (chosen.phone) await fetched("talk", `/__sandbox/messages?limit=50&receiver=${chosen.phone}`, draw, force);
    else draw({ messages: [] });
  } catch {
    $("total").textContent = "연습장에 연결할 수 없습니다";
  }
}

$("search").addEventListener("input", () => refresh());
$("zoom").addEventListener("click", () => $("zoom").close());
$("talk").addEventListener("scroll", () => {
  const talk = $("talk");
  seen.stuck = Math.abs(talk.scrollTop - seen.put) < 2 || talk.scrollTop + talk.clientHeight > talk.scrollHeight - 40;
});
addEventListener("hashchange", () => choose(location.hash.slice(1)));
setInterval(() => document.hidden || refresh(), 1500);
refresh();
