/** The status page. Its scripts fill in everything that varies. */
export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>tsntlm</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/style.css">
<script type="module" src="/main.js"></script>
</head>
<body>
<header>
<h1>tsntlm <small id="version"></small></h1>
<p id="link" class="badge" role="status" data-look="neutral">connecting</p>
<button id="pause" type="button" aria-pressed="false">Pause</button>
</header>
<main>
<noscript><p class="notice">This page needs JavaScript. The same is in <a href="/status.json">status.json</a>.</p></noscript>
<p id="verdict" class="notice" role="status" data-look="neutral">Waiting for the proxy</p>

<section aria-labelledby="guard-title">
<h2 id="guard-title">Account</h2>
<p id="guard" class="notice" aria-live="assertive" data-look="neutral"></p>
</section>

<section aria-labelledby="traffic-title">
<h2 id="traffic-title">Traffic</h2>
<dl class="tiles">
<div><dt>Open tunnels</dt><dd id="tunnels-open">-</dd></div>
<div><dt>Requests in progress</dt><dd id="in-progress">-</dd></div>
<div><dt>Requests so far</dt><dd id="requests-total">-</dd></div>
<div><dt>Bytes so far</dt><dd id="bytes-total" class="long">-</dd></div>
</dl>
<div class="plots">
<figure>
<figcaption>Requests that ended: <b id="rate-now">-</b> <span id="rate-most"></span></figcaption>
<svg id="rate-plot" role="img" aria-labelledby="rate-now rate-most"></svg>
<p class="axis" aria-hidden="true"><span id="rate-from"></span><span>now</span></p>
</figure>
<figure>
<figcaption>NTLM handshakes: <b id="latency-now">-</b> <span id="latency-most"></span></figcaption>
<svg id="latency-plot" role="img" aria-labelledby="latency-now latency-most"></svg>
<p class="axis" aria-hidden="true"><span id="latency-from"></span><span>now</span></p>
</figure>
</div>
</section>

<section>
<table id="upstreams"><caption>Upstream proxies</caption></table>
<p class="key" aria-hidden="true"><span class="up">available</span><span class="failed">failed, still used</span><span class="down">down</span></p>
</section>

<section>
<table id="work"><caption>Open requests and tunnels</caption></table>
<p id="work-more"></p>
</section>

<section>
<table id="failures"><caption>Last failures</caption></table>
</section>

<section>
<table id="listeners"><caption>Ports</caption></table>
</section>

<section aria-labelledby="config-title">
<h2 id="config-title">Configuration</h2>
<p id="config-refused" class="notice" role="status" data-look="bad" hidden></p>
<dl class="facts">
<dt>File</dt><dd id="config-file">-</dd>
<dt>Generation</dt><dd id="config-generation">-</dd>
<dt>Process</dt><dd id="process">-</dd>
</dl>
</section>
</main>
<footer>
<nav aria-label="For programs"><a href="/metrics">metrics</a> <a href="/readyz">readyz</a> <a href="/livez">livez</a> <a href="/status.json">status.json</a></nav>
</footer>
</body>
</html>
`

export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#1f5fa8"/><path d="M3 5h10M8 5v8" stroke="#fff" stroke-width="2" fill="none"/></svg>
`
