//! What the configuration's keys mean.

/// What each key means, in the order of the reference. A test holds this against [`Config`].
pub const KEYS: &[(&str, &str)] = &[
    (
        "server.host",
        "Address to listen on. Anything but loopback needs users: `mlwright token create` first.",
    ),
    ("server.port", "Port of every door. 0 takes a free one and logs it."),
    ("server.data_dir", "Where the database, blobs, environments, spools and the master key live."),
    ("server.roles", "What this process does: api, scheduler, worker, gateway, monitor."),
    ("server.stop_grace_seconds", "How long running requests and tasks may finish after SIGTERM."),
    ("database.url", "`postgres://…` to share metadata between servers; empty for SQLite in data_dir."),
    ("database.readers", "Reader connections, a thread each."),
    ("blobs.url", "`s3://bucket/prefix` for an S3-compatible store; empty for files in data_dir."),
    (
        "artifacts.default_root",
        "Where runs of new experiments keep their files, such as `s3://bucket/prefix`: clients read and write there \
         themselves. Empty for this server's own store.",
    ),
    (
        "access.allowed_hosts",
        "Host names that requests may address besides loopback names and the bind address.",
    ),
    ("access.allowed_origins", "Web origins (`https://…`) whose pages may call besides the server's own."),
    (
        "access.member_level",
        "What members may do with things that nobody granted them: none, read, use, edit or manage.",
    ),
    ("access.workspaces", "Whether clients may make workspaces and choose one with a header."),
    (
        "runtimes.onnxruntime",
        "The libonnxruntime shared library; empty to look in MLWRIGHT_ONNXRUNTIME and in environments.",
    ),
    ("runtimes.threads", "Threads that one model uses within a prediction."),
    (
        "workers.uv",
        "The program that builds environments of Python models; empty for `uv` of the search path.",
    ),
    (
        "workers.python",
        "One Python for all models that need one; empty to build an environment from each model's requirements.",
    ),
    (
        "workers.environments",
        "Where those environments are, to share them between servers of one machine; empty for a folder in data_dir.",
    ),
    ("workers.processes", "Processes of each Python model; each answers one request at a time."),
    ("workers.memory_mib", "Memory of one such process with everything that it starts."),
    ("workers.scratch_mib", "What it may write, in memory and gone with it."),
    ("workers.load_seconds", "How long opening a Python model may take."),
    ("workers.request_seconds", "How long one of its answers may take, waiting included."),
    (
        "workers.devices",
        "Device files that Python models may use, such as [\"/dev/nvidia*\"]; what is not there is passed over.",
    ),
    (
        "workers.allow_unsandboxed",
        "Whether Python models run where this machine offers no sandbox: as the server's user, with all that it may do.",
    ),
    (
        "serving.parity",
        "Comparing a native or ONNX runtime with the model's Python original: required (before it is deployed, else it is \
         not), recorded (after it, where its Python is there already), off. A runtime that failed never serves the model.",
    ),
    (
        "serving.trial",
        "Starting the package of a model in a process of its own, which loads, asks and times it: required (before it is \
         deployed, else it is not), recorded (after it), off. Once for each content.",
    ),
    (
        "serving.lazy_load",
        "Whether models that were loaded here before stay out of memory after a start, until their first request.",
    ),
    (
        "serving.idle_unload_seconds",
        "How long nobody asks for a model until it leaves memory; its next request waits until it is back. 0 for never.",
    ),
    (
        "serving.memory_budget_mib",
        "What the models of all endpoints may hold (Python models: their processes; native ones: their arrays; ONNX: what the \
         process grew by when they were loaded) before those asked longest ago leave memory; 0 for no limit.",
    ),
    ("pipelines.workers", "Steps that run at the same time."),
    (
        "pipelines.log_limit_mib",
        "How much of a step's output is kept: half from its start, half from its end.",
    ),
    (
        "pipelines.url",
        "Where steps reach the server; empty for its own address. Where servers share a database, name what leads to any \
         of them: a step may outlive its server.",
    ),
    (
        "pipelines.address",
        "Where the other servers on one database reach this one and no other, to ask for logs; empty: its own address.",
    ),
    (
        "pipelines.lease_seconds",
        "On PostgreSQL: how long a server may be silent before the others take over what it does.",
    ),
    (
        "pipelines.keep_days",
        "How long folders of runs that have ended, and unpacked code that nothing uses, stay on the server's disk; 0 for \
         ever. Outputs and logs are in the blob store.",
    ),
    (
        "predictions.durable",
        "Whether a prediction waits until its record is on disk; otherwise up to 50 ms may be lost in a crash.",
    ),
    (
        "webhooks.private_addresses",
        "Whether webhooks may call this machine and its network, and over plain http.",
    ),
    (
        "email.host",
        "The mail server that monitors' e-mails go to; empty: whoever a monitor names is told nothing.",
    ),
    ("email.port", "Its port."),
    (
        "email.security",
        "starttls (refused where the server has none), tls (from the first byte, mostly port 465) or none (in the clear).",
    ),
    ("email.user", "Whom this server logs in as; empty: nobody."),
    (
        "email.password_secret",
        "The secret of the default workspace that is the password: `mlwright secrets set NAME`.",
    ),
    ("email.from", "Who the e-mails are from, such as `mlwright <ml@example.org>`."),
    ("email.url", "The address of the web app in e-mails; empty for the one that this server listens on."),
    (
        "email.every_seconds",
        "Between two e-mails to one person about one monitor; what happens in between is in the next one.",
    ),
    ("email.timeout_seconds", "How long the mail server may take for an answer."),
    (
        "repositories.local_roots",
        "Folders of this machine from which objects may be imported in place; empty for none.",
    ),
    (
        "repositories.gc_every",
        "How often a server with the role scheduler removes what no repository needs, such as 12h or 7d; `off` leaves \
         it to `mlwright data gc`.",
    ),
    ("query.threads", "Threads that answer SQL over tables; 0 for one a core."),
    ("query.parallel", "Statements that are answered at the same time; others wait."),
    ("query.memory_mib", "Memory of one statement; nothing spills to disk."),
    ("query.seconds", "How long one statement may take, its wait included."),
    ("query.rows", "Rows of an answer where a request asks for no other number."),
    (
        "s3.domains",
        "Host names below which repositories are buckets with a name of their own: `http://<repository>.<domain>/<ref>/<path>`.",
    ),
    (
        "mlflow.ui",
        "The folder mlflow/server/js/build of an installed mlflow, to serve MLflow's own page at /mlflow/; empty for none.",
    ),
    ("log.filter", "Levels as in `info,mlwright_serving=debug`."),
    ("log.json", "Whether log lines are JSON."),
    (
        "telemetry.otlp_endpoint",
        "Where spans of requests are sent, by OTLP: a collector such as `http://127.0.0.1:4318` (`/v1/traces` is \
         appended). Empty for what OTEL_EXPORTER_OTLP_ENDPOINT and its kin say, and for nowhere without them.",
    ),
    (
        "telemetry.otlp_protocol",
        "How they go there: `http/protobuf`, or `grpc`, for which collectors have a port of its own (4317 as a rule).",
    ),
    ("telemetry.otlp_headers", "Headers that are sent along, such as `{ authorization = \"Bearer …\" }`."),
    (
        "telemetry.sample",
        "The share of traces that are recorded, 0 to 1, of those that begin here; a caller that sends `traceparent` decides for \
         its own.",
    ),
    ("telemetry.service_name", "What this server is called in them (`service.name`)."),
    ("listen", "Further addresses: `[[listen]] address = \"127.0.0.1:8000\"`, `doors = [\"oip\"]`."),
];
