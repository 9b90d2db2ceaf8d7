// Begins what the server is for: annotating, or a study.

import * as api from "./api.js";
import { byId, showMessage } from "./panel.js";

byId("close-help").addEventListener("click", () => byId("help").close());

try {
  const session = await api.readSession();
  const { begin } = await import(session.mode === "study" ? "./study.js" : "./annotate.js");
  begin(session);
} catch (error) {
  byId("status").textContent = "";
  showMessage(error.message);
}
