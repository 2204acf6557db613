// The API is where this page is: below API Gateway's stage, where there is one.
const base = new URL(".", location.href);

fetch(new URL("api/openapi.json", base))
  .then((answer) => answer.json())
  .then((spec) => {
    spec.servers = [{ url: base.pathname }];
    SwaggerUIBundle({
      spec,
      dom_id: "#api",
      deepLinking: true,
      docExpansion: "list",
      defaultModelsExpandDepth: 0,
      displayRequestDuration: true,
      // A parameter has its slashes escaped, and the proxy sends on what it gets: below a data source a path is meant.
      requestInterceptor: (request) => {
        const [path, ...query] = request.url.split("?");
        const proxied = path.includes("/api/datasources/proxy/");
        request.url = [proxied ? path.replaceAll("%2F", "/") : path, ...query].join("?");
        return request;
      },
      // Nothing leaves this origin, and no credential outlives the page.
      validatorUrl: null,
      persistAuthorization: false,
    });
  })
  .catch((error) => {
    document.getElementById("api").textContent = "The document of the API cannot be read: " + error;
  });
