// Asks a gateway what Perses' user interface asks: its Prometheus plugin, unchanged, in every scope and before anything is saved.
//
// Reads the variables of steps.py, and ends as its scripts do.

const assert = require("node:assert");
const { fetchJson } = require("@perses-dev/core");
const client = require("@perses-dev/prometheus-plugin/lib/cjs/model/prometheus-client.js");

const { GATEWAY_URL, GATEWAY_TOKEN, PROMETHEUS_URL, PROMETHEUS_USER, PROMETHEUS_PASSWORD } = process.env;
const headers = { Authorization: `Bearer ${GATEWAY_TOKEN}` };

async function step(what, run) {
  try {
    const answer = await run();
    assert(!JSON.stringify(answer ?? "").includes(PROMETHEUS_PASSWORD), "the password is in the answer");
  } catch (error) {
    console.log(`FAILED ${what}: ${error.message}`);
    process.exit(1);
  }
  console.log(`ok ${what}`);
}

// As the user interface saves and asks its own API.
const api = (method, path, document) =>
  fetchJson(`${GATEWAY_URL}/api/v1/${path}`, {
    method,
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify(document),
  });

const proxy = { kind: "HTTPProxy", spec: { url: PROMETHEUS_URL, secret: "reader" } };
const spec = { default: true, plugin: { kind: "PrometheusDatasource", spec: { proxy } } };
const secret = { basicAuth: { username: PROMETHEUS_USER, password: PROMETHEUS_PASSWORD } };
const named = (kind, name, project) => ({ kind, metadata: { name, ...(project && { project }) } });

async function save() {
  await api("POST", "globalsecrets", { ...named("GlobalSecret", "reader"), spec: secret });
  await api("POST", "globaldatasources", { ...named("GlobalDatasource", "everywhere"), spec });
  await api("POST", "projects", { ...named("Project", "my-project"), spec: {} });
  await api("POST", "projects/my-project/secrets", { ...named("Secret", "reader", "my-project"), spec: secret });
  await api("POST", "projects/my-project/datasources", { ...named("Datasource", "local", "my-project"), spec });
  const dashboard = { duration: "1h", datasources: { "Victoria Metrics": spec }, panels: {}, layouts: [] };
  await api("POST", "projects/my-project/dashboards", { ...named("Dashboard", "board", "my-project"), spec: dashboard });
}

async function ask(scope, path) {
  const options = { datasourceUrl: `${GATEWAY_URL}/proxy/${path}`, headers };
  const now = Math.floor(Date.now() / 1000);
  const range = { start: now - 60, end: now };
  await step(`${scope}: health`, async () => assert(await client.healthCheck(options)()));
  await step(`${scope}: query`, async () => {
    const answer = await client.instantQuery({ query: "vector(41) + 1" }, options);
    assert.equal(answer.data.result[0].value[1], "42");
  });
  await step(`${scope}: query_range`, async () => {
    const answer = await client.rangeQuery({ query: "vector(1)", ...range, step: 15 }, options);
    assert(answer.data.result[0].values.length >= 4);
  });
  const match = { "match[]": ["up"], ...range };
  await step(`${scope}: labels`, () => client.labelNames(match, options));
  await step(`${scope}: label values`, () => client.labelValues({ labelName: "job", ...match }, options));
  await step(`${scope}: series`, () => client.series(match, options));
  await step(`${scope}: metadata`, () => client.metricMetadata({ metric: "up" }, options));
}

async function main() {
  await step("saved", save);
  const project = "projects/my-project";
  await ask("global", "globaldatasources/everywhere");
  await ask("project", `${project}/datasources/local`);
  await ask("dashboard", `${project}/dashboards/board/datasources/${encodeURIComponent("Victoria Metrics")}`);
  // The button that tests a connection.
  await step("unsaved", async () => {
    const answer = await fetch(`${GATEWAY_URL}/proxy/unsaved/globaldatasources/-/healthy`, {
      method: "POST",
      headers: { ...headers, "Content-Type": "application/json" },
      body: JSON.stringify({ method: "GET", spec, body: null }),
    });
    assert.equal(answer.status, 200, await answer.text());
  });
  console.log("every step passed");
}

main();
