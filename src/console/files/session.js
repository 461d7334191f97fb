// Who is signed in: the authorization code flow with PKCE at the cluster's own OAuth server.
// The token is kept for this tab only, and nobody but this server's scripts can run here.

const CLIENT = "console";
const TOKEN = "console.token";
const FLOW = "console.flow";

const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

const digest = (text) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

let current = null;

/** The token; empty when nobody is signed in. */
export const token = () => current?.token ?? "";

/** Acts with this token: where a worker reads for the page. */
export function actAs(value) {
  current = { token: value };
}

/** The same as a WebSocket carries it. */
export const tokenProtocol = () =>
  `base64url.bearer.authorization.k8s.io.${base64url(new TextEncoder().encode(token()))}`;

/** Finds the token, fetches it with a code that has just come, or leaves for the sign-in page. */
export async function signedIn() {
  const asked = new URLSearchParams(location.search);
  if (asked.has("code") || asked.has("error")) {
    const flow = JSON.parse(sessionStorage.getItem(FLOW) ?? "null");
    sessionStorage.removeItem(FLOW);
    history.replaceState(null, "", location.pathname + (flow?.hash ?? ""));
    if (asked.has("error")) throw new Error(asked.get("error_description") ?? asked.get("error"));
    if (flow && flow.state === asked.get("state")) await exchange(asked.get("code"), flow);
  }
  current ??= JSON.parse(sessionStorage.getItem(TOKEN) ?? "null");
  if (!current) await leave();
}

async function exchange(code, flow) {
  const answer = await fetch("/oauth/token", {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code", client_id: CLIENT, code,
      redirect_uri: flow.redirect, code_verifier: flow.verifier,
    }),
  });
  if (!answer.ok) return;
  current = { token: (await answer.json()).access_token };
  sessionStorage.setItem(TOKEN, JSON.stringify(current));
}

/** Leaves for the sign-in page, to come back to where one is. */
async function leave() {
  const flow = {
    verifier: random(), state: random(), hash: location.hash,
    redirect: `${location.origin}/console`,
  };
  sessionStorage.setItem(FLOW, JSON.stringify(flow));
  const query = new URLSearchParams({
    client_id: CLIENT, response_type: "code", redirect_uri: flow.redirect, state: flow.state,
    code_challenge: base64url(await digest(flow.verifier)), code_challenge_method: "S256",
  });
  location.assign(`/oauth/authorize?${query}`);
  return new Promise(() => {});
}

/** Forgets a token that is good no longer, and signs in again. */
export function expired() {
  // A worker tells the page.
  if (!current || !globalThis.sessionStorage) return;
  current = null;
  sessionStorage.removeItem(TOKEN);
  location.reload();
}

/** Ends the token and the browser's session. */
export async function signOut() {
  const name = `sha256~${base64url(await digest(token().replace(/^sha256~/, "")))}`;
  await fetch(`/apis/oauth.openshift.io/v1/useroauthaccesstokens/${name}`, {
    method: "DELETE", headers: { authorization: `Bearer ${token()}` },
  });
  await fetch("/oauth/logout", { redirect: "manual" });
  current = null;
  sessionStorage.removeItem(TOKEN);
  location.assign("/console");
}
