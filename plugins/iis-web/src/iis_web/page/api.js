// The server's API: every failure becomes an error whose message is a sentence for people.

export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(`api/${path}`, options);
  } catch {
    throw new Refusal(0, "The server does not answer: is `iis click` still running?");
  }
  if (!response.ok) {
    const content = await response.json().catch(() => ({}));
    throw new Refusal(response.status, content.error ?? `The server answered ${response.status}.`);
  }
  return response;
}

async function askJson(path, method = "GET", content = undefined) {
  const body = content === undefined ? undefined : JSON.stringify(content);
  return (await ask(path, { method, body })).json();
}

export const readSession = () => askJson("session");
export const reveal = () => askJson("reveal", "POST");
export const readImage = (image) => askJson(`images/${image}`);
export const encode = (image, model) => askJson(`images/${image}/encoded?model=${model}`);
export const save = (image) => askJson(`images/${image}/save`, "POST");
export const put = (image, number, content) => askJson(`images/${image}/objects/${number}`, "PUT", content);
export const remove = (image, number, revision) =>
  askJson(`images/${image}/objects/${number}?revision=${revision}`, "DELETE");

async function readPicture(path) {
  const response = await ask(path);
  return createImageBitmap(await response.blob());
}

export const readPhotograph = (image) => readPicture(`images/${image}/picture`);

async function readAnswer(path) {
  const response = await ask(path);
  const [top, left, height, width] = response.headers.get("x-iis-box").split(",").map(Number);
  const seconds = Number(response.headers.get("x-iis-seconds"));
  return { blob: await response.blob(), box: { top, left, height, width }, seconds };
}

export const answer = (image, number, model, revision) =>
  readAnswer(`images/${image}/objects/${number}/answer?model=${model}&revision=${revision}`);

export const readNews = (since) => askJson(`study?since=${since}`);
export const begin = (object) => askJson("study/begin", "POST", { object });
export const click = (content) => askJson("study/click", "POST", content);
export const readShownPhotograph = (object) => readPicture(`study/picture?object=${object}`);
export const readTarget = (object) => readAnswer(`study/target?object=${object}`);
export const readShownAnswer = (object, number) => readAnswer(`study/answer?object=${object}&number=${number}`);
