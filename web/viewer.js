// SPDX-License-Identifier: MIT
//
// The viewer page. `status` says once a second which streams there are; each gets a tile that stays as long as
// its stream. A plan, made anew whenever something changes, says which pictures hold a live connection and of
// which kind: browsers open six connections per host over HTTP/1.1, and a page that takes them all for pictures
// cannot ask for anything else. Where more are wanted they are WebSockets, which do not count among the six;
// where a proxy does not let those through, the rest is refreshed from snapshots.

const POLL_MS = 1000;
const POLL_TIMEOUT_MS = 4000;
const POLL_BACKOFF_MS = [1000, 1000, 2000, 4000, 8000];
const SILENCE_MS = 2500; // without an answer for this long, the page says so
const REFUSED_MS = 60000; // until the next question where a login was refused, as each counts as one that failed
const SLEEP_MS = 15000; // a gap between two polls that only a sleeping computer explains

const LIVE_CONNECTIONS = 4; // of six: one is left for status, one for a snapshot
const FULL_RATE_PICTURES = 2; // more live pictures than this come at TILE_FPS each
const TILE_FPS = 15;
const PLAN_DELAY_MS = 150; // scrolling past a tile does not start it

const SOCKET_WINDOW = 4; // pictures on their way that were not drawn yet: the server waits with more
const SOCKET_WIDTHS = [160, 240, 320, 480, 640, 960, 1280, 1920, 2560]; // few, so that pages share an encode
const SOCKETS_AGAIN_MS = 600000; // so long after they could not be opened

const RETRY_MS = [1000, 2000, 4000, 8000, 15000];
const PREVIEW_MS = 1000;
const PREVIEW_MAX_AGE_MS = 900;
const PREVIEW_TIMEOUT_MS = 2000;
const STALLED_PREVIEW_MS = 5000;
const SNAPSHOT_TIMEOUT_MS = 10000;

const WATCH_MS = 2000; // how often a live picture is looked at
const UNCOUNTED_MS = 4000; // likewise one that the server counts no viewer for: at once, then after this and more
const FROZEN_MS = 10000; // a live stream's picture that does not change for this long is asked for again
const FROZEN_MAX_MS = 320000;

const POSTER_WIDTH = 960;
const TILE_MIN_WIDTH = 264;
const PHONE_WIDTH = 600;
const PEER_MS = 3500; // without a word for this long, another page is gone
const TELL_PEERS_MS = 1000;
const IDLE_MS = 2500;
const TOAST_MS = 4000;
const ERROR_TOAST_MS = 9000;
const PAN_PX = 80;

const DEFAULT_ENDPOINT = 'ipc:///run/headcam/ingest.sock';
const STATE_WORDS = { live: 'Live', starting: 'Starting', stalled: 'Stalled', lost: 'Lost', ended: 'Ended', unknown: 'Unknown' };
const STATE_RANK = { live: 0, stalled: 0, starting: 1, lost: 2, ended: 3 }; // who gets a connection first

const byId = (id) => document.getElementById(id);
const collator = new Intl.Collator('en', { numeric: true });

// ---------------------------------------------------------------------------------------------- Words and numbers

function plural(count, word) {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** A duration for people: "21 ms", "1.4 s", "12 s", "3 min", "2 h". */
function duration(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 10000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 120000) return `${Math.round(ms / 1000)} s`;
  if (ms < 7200000) return `${Math.round(ms / 60000)} min`;
  return `${Math.round(ms / 3600000)} h`;
}

function rate(fps) {
  return `${fps.toFixed(1)} fps`;
}

function size(stream) {
  return stream.width && stream.height ? `${stream.width} × ${stream.height}` : '';
}

function stateWord(state) {
  return STATE_WORDS[state] || state;
}

/** What an agent finds odd about a live picture: "the picture is black: ...". */
function remark(stream) {
  return stream.state === 'live' ? stream.reason : '';
}

/** What a stream lacks, and since when; of a live one, what is odd about its picture. */
function complaint(stream, now) {
  if (stream.state === 'live') return remark(stream);
  const lasted = Math.max(0, Math.floor(now / 1000 - stream.since)) * 1000;
  const since = stream.since ? `for ${lasted < 10000 ? `${lasted / 1000} s` : duration(lasted)}` : '';
  return [stream.reason, since].filter(Boolean).join(' · ');
}

/** The line under a tile's name. */
function summary(stream, now) {
  if (stream.state !== 'live') return complaint(stream, now) || size(stream);
  const age = stream.age_ms === null ? 'no frame yet' : `${duration(stream.age_ms)} old`;
  return [size(stream), rate(stream.fps), age].filter(Boolean).join(' · ');
}

function fileName(name, timestamp) {
  const date = new Date(timestamp > 0 ? timestamp * 1000 : Date.now());
  const two = (number) => String(number).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${name}-${day}T${two(date.getHours())}-${two(date.getMinutes())}-${two(date.getSeconds())}.jpg`;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setState(element, state) {
  setText(element, state ? stateWord(state) : '');
  element.dataset.state = state || '';
}

// ---------------------------------------------------------------------------------------------- The server

const token = new URLSearchParams(location.search).get('token'); // that the page was opened with

/**
 * The URL of one of the server's paths, with parameters, and with the page's own token. Not just relative: the
 * page's address may hold a user and password, and fetch() refuses such URLs.
 */
function address(path, parameters = {}) {
  const url = new URL(path, location.origin + location.pathname);
  url.search = new URLSearchParams(token ? { ...parameters, token } : parameters);
  return url.href;
}

const streamAddress = (name, parameters) => address(`stream/${encodeURIComponent(name)}`, parameters);
const socketAddress = (name, parameters) => address(`ws/${encodeURIComponent(name)}`, parameters);
const snapshotAddress = (name, parameters) => address(`snapshot/${encodeURIComponent(name)}`, parameters);

function overHttp2() {
  const entry = performance.getEntriesByType('navigation')[0];
  return ['h2', 'h3'].includes(entry?.nextHopProtocol);
}

/** Runs `work` with an abort signal that fires after `ms`, and at the end in any case. */
async function within(ms, work) {
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(), ms);
  try {
    return await work(control.signal);
  } finally {
    clearTimeout(timer);
    control.abort();
  }
}

/** "the server answers 503: reason", with the reason only if it is plain text, not a proxy's page. */
async function refusal(response) {
  const plain = (response.headers.get('Content-Type') || '').startsWith('text/plain');
  const text = plain ? (await response.text()).trim().slice(0, 300) : response.statusText;
  return `The server answers ${response.status}${text ? `: ${text}` : ''}`;
}

/** Why `url` gives no picture; an image's error event does not say. Never reads an endless answer. */
async function whyNot(url) {
  try {
    return await within(POLL_TIMEOUT_MS, async (signal) => {
      const response = await fetch(url, { cache: 'no-store', signal });
      return response.ok ? 'The connection was interrupted' : refusal(response);
    });
  } catch {
    return 'The server does not answer';
  }
}

/** A snapshot as a Blob with its capture time; throws an Error that says what the server says. */
async function fetchSnapshot(name, parameters, timeout) {
  const { problem, ...snapshot } = await within(timeout, async (signal) => {
    const response = await fetch(snapshotAddress(name, parameters), { cache: 'no-store', signal });
    if (!response.ok) return { problem: await refusal(response) };
    return { blob: await response.blob(), timestamp: Number(response.headers.get('X-Timestamp')) };
  }).catch(() => ({ problem: 'The server does not answer' })); // or ceased to within the picture
  if (problem) throw new Error(problem);
  return snapshot;
}

// ---------------------------------------------------------------------------------------------- WebSockets

/** Whether WebSockets get through to the server, as far as is known. */
const sockets = {
  failed: -Infinity,
  question: null,

  usable() {
    return performance.now() - this.failed > SOCKETS_AGAIN_MS;
  },

  /**
   * What keeps the server itself from answering, as a WebSocket does not get to say why it ended; '' if it answers.
   * One question for all that ended at once, and none while the login is refused, as each would count as a try.
   */
  async whyNot() {
    if (server.refused) return server.problem;
    const asked = Date.now();
    this.question ??= fetchStatus().then(() => '', (error) => {
      if (error instanceof Refused) fail(error, asked);
      return error.message;
    }).finally(() => { this.question = null; });
    return this.question;
  },
};

/**
 * A JPEG ready to draw, with its size; `null` of a broken one. ImageDecoder took a third of the time from publish to
 * pixels away (docs/benchmarks.md); browsers have it on HTTPS and localhost.
 */
async function decodeJpeg(bytes) {
  try {
    if (!('ImageDecoder' in window)) {
      const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }));
      return { source: bitmap, width: bitmap.width, height: bitmap.height };
    }
    const decoder = new ImageDecoder({ data: bytes, type: 'image/jpeg' });
    try {
      const { image } = await decoder.decode();
      return { source: image, width: image.displayWidth, height: image.displayHeight };
    } finally {
      decoder.close();
    }
  } catch {
    return null;
  }
}

/**
 * One stream over a WebSocket, at most `fps` frames a second and scaled to `width`. Browsers queue messages without
 * bound for a page that is too slow; so each picture is acknowledged when it is drawn, and the server keeps no more
 * than a few on their way. Of those only the newest is drawn; as a bitmap on a canvas, as images of blob URLs came
 * a quarter less often where twelve of them shared two cores.
 */
class Socket {
  constructor(name, fps, width, { draw, closed }) {
    const url = new URL(socketAddress(name));
    url.protocol = url.protocol.replace('http', 'ws');
    url.searchParams.set('window', SOCKET_WINDOW);
    if (fps) url.searchParams.set('fps', fps);
    if (width) url.searchParams.set('width', width);
    this.width = width;
    this.draw = draw;
    this.heard = 0; // when the last message came
    this.opened = false;
    this.socket = new WebSocket(url);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onopen = () => { this.opened = true; };
    this.socket.onmessage = ({ data }) => this.#take(data);
    this.socket.onclose = () => closed(this);
  }

  #newest = null;
  #drawing = false;

  /** No event follows. */
  close() {
    this.draw = null;
    this.#newest = null;
    this.socket.onmessage = this.socket.onclose = null;
    // Browsers complain on the console of one that is closed before it was open.
    if (this.socket.readyState === WebSocket.CONNECTING) this.socket.onopen = () => this.socket.close();
    else this.socket.close();
  }

  resize(width) {
    if (width === this.width || this.socket.readyState !== WebSocket.OPEN) return;
    this.width = width;
    this.socket.send(JSON.stringify({ width }));
  }

  #take(data) {
    this.heard = Date.now();
    if (typeof data === 'string') return; // what it says, `status` says as well
    this.#newest = data;
    if (!this.#drawing) this.#drawNewest();
  }

  async #drawNewest() {
    this.#drawing = true;
    while (this.#newest) {
      const message = this.#newest;
      this.#newest = null;
      await this.#show(message).catch(console.error); // the next one may do
    }
    this.#drawing = false;
  }

  async #show(message) {
    const header = new DataView(message);
    const update = Number(header.getBigUint64(8, true));
    const picture = await decodeJpeg(new Uint8Array(message, header.getUint16(6, true)));
    try {
      if (picture) this.draw?.(picture);
    } finally {
      picture?.source.close();
      if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ ack: update }));
    }
  }
}

/** The width to ask for a picture that is shown so wide; `null` is the stream's own. */
function socketWidth(cssPixels) {
  const pixels = cssPixels * devicePixelRatio;
  return SOCKET_WIDTHS.find((width) => width >= pixels) ?? null;
}

// ---------------------------------------------------------------------------------------------- Pictures

/**
 * One stream's picture: an image that holds a live connection, or none, above a canvas with the last frame seen.
 * The canvas stays when the connection goes, so a picture never turns blank because the page saves connections.
 * A WebSocket draws on the canvas.
 */
class Picture {
  static #connections = 0;

  constructor(box) {
    this.box = box;
    box.append(byId('picture-template').content.cloneNode(true));
    [this.canvas, this.img, this.blank, this.note] = box.children;
    this.name = '';
    this.fps = 0;
    this.streaming = false;
    this.problem = '';
    this.img.addEventListener('load', () => this.#loaded());
    this.img.addEventListener('error', () => this.#failed());
  }

  #socket = null;
  #bySocket = false;
  #unscaled = false; // a WebSocket with a width was refused; until the connection is another one
  #retries = 0;
  #retryTimer = 0;
  #drawings = 0;
  #watch = { shown: 0, uncounted: 0, pixels: '', changed: 0, patience: FROZEN_MS };

  /** Whether the image shows the stream itself. */
  get live() {
    return this.box.classList.contains('live');
  }

  /** When its connection last showed that it is there; images do not. */
  get heard() {
    return this.#socket?.heard ?? 0;
  }

  /** Shows another stream's picture from now on, with what `from` has of it until the first frame. */
  show(name, from = null) {
    if (name === this.name) return;
    this.release();
    this.name = name;
    this.img.alt = name ? `Live picture of ${name}` : '';
    this.box.classList.remove('drawn');
    if (from) this.borrow(from);
  }

  borrow(from) {
    if (from.live && !from.#socket) this.#draw(from.img, from.img.naturalWidth, from.img.naturalHeight);
    else if (from.box.classList.contains('drawn')) this.#draw(from.canvas, from.canvas.width, from.canvas.height);
  }

  /** Holds a live connection, at most `fps` frames a second (0: every frame), by a WebSocket or by the image. */
  stream(fps, bySocket = false) {
    if (this.streaming && fps === this.fps && bySocket === this.#bySocket) return;
    this.release();
    this.fps = fps;
    this.#bySocket = bySocket;
    this.streaming = true;
    this.#connect();
  }

  /** Closes the connection and keeps the last frame. */
  release() {
    if (!this.streaming) return;
    this.streaming = false;
    this.#retries = 0;
    this.#unscaled = false;
    this.#setProblem('');
    this.#disconnect();
  }

  /** Its place on the page may have another size. */
  resized() {
    this.#socket?.resize(this.#unscaled ? null : socketWidth(this.box.clientWidth));
  }

  /** Opens the connection again: what it was made to may be gone without an event. */
  restart() {
    if (!this.streaming) return;
    this.#retries = 0;
    this.#unscaled = false;
    this.#disconnect();
    this.#connect();
  }

  /** Shows the snapshot that `take` gives, unless the live picture has come meanwhile, and may have gone again. */
  async drawSnapshot(take) {
    const drawings = this.#drawings;
    const { blob } = await take();
    const bitmap = await createImageBitmap(blob);
    if (!this.live && this.#drawings === drawings) this.#draw(bitmap, bitmap.width, bitmap.height);
    bitmap.close();
  }

  say(text, problem = false) {
    setText(this.note, text);
    this.note.hidden = !text;
    this.note.classList.toggle('problem', problem);
  }

  /**
   * An image whose connection ended keeps its last frame and fires no event. So a picture is asked for again that
   * the server, if there is but one, counts no viewer for when asked since it was shown; and one that stands still
   * while frames arrive at the server. Either less and less often: there may be a server that this page has not
   * heard of yet, or just a still scene.
   */
  async look(stream) {
    const watch = this.#watch;
    const now = Date.now();
    if (!this.live) return;
    if (this.#socket) {
      // Something comes at least once a second.
      if (now - this.heard > FROZEN_MS) this.restart();
      return;
    }
    if (stream.viewers > 0) {
      watch.uncounted = 0;
    } else if (server.instances.size === 1 && server.asked > watch.shown + watch.uncounted) {
      watch.uncounted = Math.min(2 * watch.uncounted || UNCOUNTED_MS, FROZEN_MAX_MS);
      return this.restart();
    }
    if (stream.state !== 'live' || stream.fps < 1) {
      watch.changed = now;
      return;
    }
    const pixels = await thumbnail(this.img);
    if (!this.live || this.#socket) return; // meanwhile
    if (pixels !== watch.pixels) {
      Object.assign(watch, { pixels, changed: now, patience: FROZEN_MS });
    } else if (now - watch.changed > watch.patience) {
      watch.patience = Math.min(2 * watch.patience, FROZEN_MAX_MS);
      this.restart();
    }
  }

  #connect() {
    clearTimeout(this.#retryTimer);
    if (this.#bySocket) {
      this.#socket = new Socket(this.name, this.fps, this.#unscaled ? null : socketWidth(this.box.clientWidth), {
        draw: (picture) => this.#drawLive(picture),
        closed: (socket) => this.#socketClosed(socket),
      });
      return;
    }
    // The number makes each connection a new one: browsers answer a known address from memory.
    const parameters = { view: `${pageId}-${++Picture.#connections}` };
    if (this.fps) parameters.fps = this.fps;
    this.img.src = streamAddress(this.name, parameters);
  }

  #disconnect() {
    clearTimeout(this.#retryTimer);
    this.#retryTimer = 0;
    if (this.#socket) this.#socket.close();
    else if (this.live) this.#draw(this.img, this.img.naturalWidth, this.img.naturalHeight);
    this.#socket = null;
    this.box.classList.remove('live', 'canvas');
    this.img.removeAttribute('src'); // the one way that closes the connection in every browser
  }

  #loaded() {
    if (!this.streaming) return;
    this.#retries = 0;
    this.#setProblem('');
    if (this.live) return; // some browsers say so for each frame
    this.box.classList.add('live');
    this.#watch.shown = this.#watch.changed = Date.now();
  }

  #drawLive({ source, width, height }) {
    const { canvas } = this;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    canvas.getContext('2d').drawImage(source, 0, 0);
    this.#drawings++;
    this.#retries = 0;
    if (this.live) return;
    this.#setProblem('');
    this.box.classList.add('drawn', 'live', 'canvas');
  }

  #failed() {
    const url = this.img.getAttribute('src');
    if (this.streaming && url) this.#retry(() => whyNot(url));
  }

  /**
   * One that never opened may have been refused for its width, or by a proxy between, or the server was away. Only
   * while the server answers, and again without a width, is it that WebSockets do not get through.
   */
  async #socketClosed(socket) {
    const reason = await sockets.whyNot();
    if (socket !== this.#socket) return; // meanwhile
    if (reason || socket.opened) {
      this.#unscaled = false;
      this.#retry(() => reason || 'The connection was interrupted');
    } else if (!this.#unscaled) {
      this.#disconnect();
      this.#unscaled = true;
      this.#connect();
    } else {
      sockets.failed = performance.now();
      plan();
    }
  }

  /** Connects again, not at once; says meanwhile what `why` gives. */
  async #retry(why) {
    this.#disconnect();
    if (server.refused) return; // until the page is let in, which restarts its pictures
    const delay = RETRY_MS[Math.min(this.#retries++, RETRY_MS.length - 1)];
    const timer = setTimeout(() => server.refused || this.#connect(), delay);
    this.#retryTimer = timer;
    const problem = await why();
    if (timer === this.#retryTimer && !this.live) this.#setProblem(problem);
  }

  #setProblem(text) {
    this.problem = text;
    this.say(text, true);
  }

  #draw(source, width, height) {
    if (!width || !height) return;
    const scale = Math.min(1, POSTER_WIDTH / width);
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.canvas.getContext('2d').drawImage(source, 0, 0, this.canvas.width, this.canvas.height);
    this.#drawings++;
    this.box.classList.add('drawn');
  }
}

const thumbnailCanvas = document.createElement('canvas');
thumbnailCanvas.width = 64;
thumbnailCanvas.height = 36;
const thumbnailContext = thumbnailCanvas.getContext('2d', { willReadFrequently: true });

/** By way of a bitmap: Firefox keeps what a canvas drew of an image for as long as it is drawn again every few seconds. */
async function thumbnail(img) {
  const { width, height } = thumbnailCanvas;
  const bitmap = await createImageBitmap(img).catch(() => null);
  if (!bitmap) return '';
  thumbnailContext.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return thumbnailContext.getImageData(0, 0, width, height).data.join();
}

// ---------------------------------------------------------------------------------------------- Tiles

class Tile {
  constructor(stream) {
    this.element = byId('tile-template').content.firstElementChild.cloneNode(true);
    this.link = this.element.querySelector('.tile');
    this.nameText = this.element.querySelector('.name');
    this.stateText = this.element.querySelector('.state');
    this.meta = this.element.querySelector('.meta');
    this.picture = new Picture(this.element.querySelector('.picture'));
    this.picture.show(stream.name);
    this.name = stream.name;
    this.visible = false;
    this.previewed = 0; // when the last preview was asked for
    this.previewing = false;
    this.element.dataset.name = stream.name;
    this.nameText.textContent = stream.name;
    this.nameText.title = stream.name;
    this.link.href = `#${encodeURIComponent(stream.name)}`;
    this.link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      openStage(this.name);
    });
  }

  update(stream, now) {
    this.stream = stream;
    const line = summary(stream, now);
    setText(this.meta, line);
    this.meta.title = stream.state === 'live' ? '' : line;
    setText(this.picture.blank, stream.state === 'live' ? '' : 'No picture');
  }

  /** Says what the picture is when it is not the live stream. */
  mark() {
    const { picture, stream } = this;
    setState(this.stateText, silent() ? 'unknown' : stream.state);
    picture.box.classList.toggle('still', !picture.streaming && stream.state !== 'live');
    if (picture.problem) return;
    const preview = this.previewing && stream.state === 'live' ? '1 fps preview' : '';
    picture.say([preview, silent() ? '' : remark(stream)].filter(Boolean).join(' · '));
    picture.note.title = remark(stream); // of a long one the tile shows the beginning
    this.link.title = this.previewing ? `Open ${this.name} to see it live` : '';
  }

  remove() {
    this.picture.release();
    visibility?.unobserve(this.element);
    this.element.remove();
  }
}

const pageId = Math.random().toString(36).slice(2, 8);
const tiles = new Map();
const visibility = 'IntersectionObserver' in window ? new IntersectionObserver(onVisibility) : null;

function onVisibility(entries) {
  for (const { target, isIntersecting } of entries) {
    const tile = tiles.get(target.dataset.name);
    if (tile) tile.visible = isIntersecting;
  }
  planSoon();
}

/** Brings the tiles in line with the list; what stays is not touched. */
function updateTiles(streams, now) {
  const list = byId('tiles');
  const names = new Set(streams.map((stream) => stream.name));
  for (const [name, tile] of tiles) {
    if (names.has(name)) continue;
    const focused = tile.element.contains(document.activeElement);
    const neighbour = tile.element.nextElementSibling || tile.element.previousElementSibling;
    tile.remove();
    tiles.delete(name);
    if (focused) neighbour?.querySelector('.tile').focus();
  }
  streams.forEach((stream, index) => {
    let tile = tiles.get(stream.name);
    if (!tile) {
      tile = new Tile(stream);
      tiles.set(stream.name, tile);
      list.insertBefore(tile.element, list.children[index] || null);
      if (visibility) visibility.observe(tile.element);
      else tile.visible = true;
    }
    tile.update(stream, now);
  });
}

// ---------------------------------------------------------------------------------------------- Layout

/** The pictures' common shape: that of all streams if they agree, else 16:9. */
function commonRatio(streams) {
  const ratios = streams.filter((stream) => stream.width && stream.height).map((stream) => stream.width / stream.height);
  if (!ratios.length || ratios.some((ratio) => Math.abs(ratio - ratios[0]) > 0.02)) return 16 / 9;
  return Math.min(Math.max(ratios[0], 3 / 4), 2.4);
}

/** The number of columns that makes `count` tiles largest with all in view; `null` if they would be too small. */
function fit(count, width, height, ratio, gap, caption) {
  let best = null;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const across = (width - gap * (columns - 1)) / columns;
    const down = ((height - gap * (rows - 1)) / rows - caption) * ratio;
    const widest = Math.floor(Math.min(across, down));
    if (!best || widest > best.widest) best = { columns, widest };
  }
  return best && best.widest >= TILE_MIN_WIDTH ? best : null;
}

function layout() {
  const streams = [...tiles.values()].map((tile) => tile.stream);
  if (!streams.length) return;
  const list = byId('tiles');
  const style = getComputedStyle(document.documentElement);
  const gap = parseFloat(style.getPropertyValue('--gap'));
  const caption = parseFloat(style.getPropertyValue('--caption'));
  const width = list.clientWidth;
  const height = document.documentElement.clientHeight - list.offsetTop - gap;
  const ratio = commonRatio(streams);
  const phone = width < PHONE_WIDTH && height > width;
  const best = phone ? null : fit(streams.length, width, height, ratio, gap, caption);
  const scrolling = Math.max(1, Math.floor((width + gap) / (TILE_MIN_WIDTH * 1.3 + gap)));
  list.style.setProperty('--ratio', ratio);
  list.style.setProperty('--columns', phone ? 1 : best?.columns || scrolling);
  list.style.setProperty('--widest', best ? `${best.widest}px` : '1fr');
  for (const tile of tiles.values()) tile.picture.resized();
}

// ---------------------------------------------------------------------------------------------- Who gets a connection

/**
 * Other pages of this headcam that are shown at the same time share the browser's six connections with this one.
 * Each tells the others about itself once a second, whether or not the server answers it.
 */
const peers = {
  seen: new Map(),
  channel: 'BroadcastChannel' in window ? new BroadcastChannel('headcam-viewer') : null,

  tell() {
    this.channel?.postMessage({ page: pageId, shown: shown() });
  },

  hear({ page, shown: isShown }) {
    const before = this.count();
    if (isShown) this.seen.set(page, Date.now());
    else this.seen.delete(page);
    if (this.count() !== before) planSoon();
  },

  count() {
    for (const [page, at] of this.seen) if (Date.now() - at > PEER_MS) this.seen.delete(page);
    return this.seen.size;
  },
};
peers.channel?.addEventListener('message', (event) => peers.hear(event.data));

let leaving = false;

function shown() {
  return document.visibilityState === 'visible' && !leaving;
}

function connectionBudget() {
  if (overHttp2()) return Infinity;
  return Math.max(1, Math.floor(LIVE_CONNECTIONS / (1 + peers.count())));
}

/** Decides which pictures stream, which are previewed and which rest. Cheap, and changes nothing that is right. */
function plan() {
  clearTimeout(planTimer);
  planTimer = 0;
  if (server.refused && shown()) {
    for (const tile of tiles.values()) tile.mark();
    return; // what has a connection keeps it
  }
  const staged = stage.name !== null;
  const wanted = shown() && !staged
    ? [...tiles.values()].filter((tile) => tile.visible).sort(byClaim)
    : [];
  const bySocket = wanted.length > connectionBudget() && sockets.usable();
  const live = bySocket ? wanted : wanted.slice(0, connectionBudget());
  const fps = live.length > FULL_RATE_PICTURES ? TILE_FPS : 0;
  for (const tile of tiles.values()) if (!live.includes(tile)) tile.picture.release();
  if (shown() && staged && tiles.has(stage.name)) stage.picture.stream(0);
  else stage.picture.release();
  for (const tile of tiles.values()) {
    if (live.includes(tile)) tile.picture.stream(fps, bySocket);
    tile.previewing = wanted.includes(tile) && (!live.includes(tile) || tile.picture.problem !== '');
    tile.mark();
  }
  preview();
}

/** Streams that can show something come first; among them the order on the page. */
function byClaim(a, b) {
  const rank = (tile) => STATE_RANK[tile.stream.state] ?? 0;
  return rank(a) - rank(b) || collator.compare(a.name, b.name);
}

let planTimer = 0;

function planSoon() {
  planTimer ||= setTimeout(plan, PLAN_DELAY_MS);
}

// ---------------------------------------------------------------------------------------------- Previews

let previewRunning = false;

/** Refreshes the previews one after the other, one request at a time, as long as there are any. */
async function preview() {
  if (previewRunning) return;
  previewRunning = true;
  try {
    for (let tile; (tile = nextPreview()); ) {
      const wait = tile.previewed + previewInterval(tile) - Date.now();
      if (wait > 0) {
        await new Promise((resolve) => setTimeout(resolve, Math.min(wait, 250)));
        continue;
      }
      await previewOnce(tile);
    }
  } finally {
    previewRunning = false;
  }
}

function previewInterval(tile) {
  return tile.stream.state === 'live' ? PREVIEW_MS : STALLED_PREVIEW_MS;
}

/** The tile whose preview is due first. A stream that cannot have a new frame is not asked. */
function nextPreview() {
  let next = null;
  const due = (tile) => tile.previewed + previewInterval(tile);
  for (const tile of tiles.values()) {
    if (!shown() || server.refused || !tile.previewing || !['live', 'stalled'].includes(tile.stream.state)) continue;
    if (!next || due(tile) < due(next)) next = tile;
  }
  return next;
}

async function previewOnce(tile) {
  tile.previewed = Date.now();
  try {
    const parameters = { max_age: PREVIEW_MAX_AGE_MS, timeout: PREVIEW_TIMEOUT_MS };
    await tile.picture.drawSnapshot(() => fetchSnapshot(tile.name, parameters, PREVIEW_TIMEOUT_MS + POLL_TIMEOUT_MS));
    tile.mark();
  } catch (error) {
    const { picture, stream } = tile;
    if (tile.previewing && stream.state === 'live' && !picture.live && !picture.problem) picture.say(error.message, true);
  }
}

// ---------------------------------------------------------------------------------------------- Large view

const stage = {
  name: null, // the stream's name while the large view is open
  actual: false, // one camera pixel to one screen pixel, instead of fitted
  picture: new Picture(byId('stage-picture')),
  closing: false, // on the way back to the overview, which takes the browser a moment
  idleTimer: 0,
};

const nameInHash = () => {
  try {
    return decodeURIComponent(location.hash.slice(1)) || null;
  } catch {
    return null;
  }
};

function openStage(name) {
  history.pushState({ overview: true }, '', `#${encodeURIComponent(name)}`);
  route();
}

function closeStage() {
  if (stage.closing) return; // Back twice would leave the page
  // Back, where Back leads to the overview; a linked large view has no overview behind it.
  if (history.state?.overview) {
    stage.closing = true;
    history.back();
  } else {
    history.replaceState(null, '', location.pathname + location.search);
    route();
  }
}

function stepStage(by) {
  const names = [...tiles.values()].map((tile) => tile.name).sort(collator.compare);
  if (!names.length) return;
  const at = names.indexOf(stage.name);
  const next = at < 0 ? 0 : (at + by + names.length) % names.length;
  history.replaceState(history.state, '', `#${encodeURIComponent(names[next])}`);
  route();
}

/** Shows what the address asks for: the overview, or one stream large. */
function route() {
  const name = nameInHash();
  if (name === stage.name) return;
  const before = stage.name;
  const tile = tiles.get(name);
  if (before !== null) tiles.get(before)?.picture.borrow(stage.picture);
  stage.name = name;
  stage.picture.show(name || '', tile?.picture);
  byId('stage').hidden = name === null;
  byId('overview').inert = name !== null;
  document.body.classList.toggle('staged', name !== null);
  if (name === null) leaveFullScreen();
  render();
  plan();
  if (before === null) byId('stage').focus({ preventScroll: true });
  else if (name === null) tiles.get(before)?.link.focus({ preventScroll: true });
}

function renderStage(now) {
  if (stage.name === null) return;
  const stream = tiles.get(stage.name)?.stream;
  byId('stage-name').textContent = stage.name;
  setState(byId('stage-state'), stream && silent() ? 'unknown' : stream?.state);
  byId('stage-reason').dataset.state = stream?.state || '';
  setText(byId('stage-reason'), stream ? complaint(stream, now) : '');
  byId('stage-snapshot').disabled = !stream;
  for (const id of ['stage-previous', 'stage-next']) byId(id).hidden = tiles.size < (stream ? 2 : 1);
  byId('stage-missing').hidden = Boolean(stream) || !server.answer;
  byId('stage-picture').hidden = !stream;
  setText(byId('stage-missing-text'), `There is no stream “${stage.name}” now.`);
  if (!stream) stage.picture.release();
  setText(stage.picture.blank, stream && stream.state !== 'live' ? 'No picture' : '');
  renderDetails(stream);
  renderScale(stream);
}

function renderDetails(stream) {
  const agent = stream?.agent;
  const rows = stream ? {
    Size: size(stream),
    Rate: rate(stream.fps) + (stream.nominal_fps ? ` of ${Number(stream.nominal_fps.toFixed(1))}` : ''),
    Age: stream.age_ms === null ? 'no frame yet' : duration(stream.age_ms),
    Viewers: String(stream.viewers),
    Format: [stream.format, stream.transport].filter(Boolean).join(', '),
    Agent: agent ? [agent.name, agent.version].filter(Boolean).join(' ') : '',
  } : {};
  const list = byId('stage-details');
  const shownRows = Object.entries(rows).filter(([, value]) => value);
  while (list.children.length > shownRows.length) list.lastElementChild.remove();
  while (list.children.length < shownRows.length) {
    const row = document.createElement('div');
    row.append(document.createElement('dt'), document.createElement('dd'));
    list.append(row);
  }
  shownRows.forEach(([key, value], index) => {
    setText(list.children[index].firstElementChild, key);
    setText(list.children[index].lastElementChild, value);
  });
}

function renderScale(stream) {
  const view = byId('stage-view');
  view.classList.toggle('actual', stage.actual && Boolean(stream?.width));
  byId('stage-scale').setAttribute('aria-pressed', String(stage.actual));
  if (!stream?.width) return;
  view.style.setProperty('--width', `${stream.width / devicePixelRatio}px`);
  view.style.setProperty('--height', `${stream.height / devicePixelRatio}px`);
}

function leaveFullScreen() {
  if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
}

async function toggleFullScreen() {
  if (document.fullscreenElement) return leaveFullScreen();
  try {
    // The whole page, so that messages stay visible above the picture.
    await document.documentElement.requestFullscreen({ navigationUI: 'hide' });
  } catch {
    toast('The browser does not allow full screen here', true);
  }
}

function wakeStage() {
  byId('stage').classList.remove('idle');
  clearTimeout(stage.idleTimer);
  stage.idleTimer = setTimeout(() => byId('stage').classList.add('idle'), IDLE_MS);
}

async function downloadSnapshot(name) {
  const button = byId('stage-snapshot');
  if (button.getAttribute('aria-busy') === 'true') return;
  button.setAttribute('aria-busy', 'true');
  try {
    const { blob, timestamp } = await fetchSnapshot(name, {}, SNAPSHOT_TIMEOUT_MS);
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = fileName(name, timestamp);
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    toast(`Saved ${link.download}`);
  } catch (error) {
    toast(`No snapshot of ${name}. ${error.message}`, true);
  } finally {
    button.removeAttribute('aria-busy');
  }
}

function onKey(event) {
  if (stage.name === null || event.ctrlKey || event.metaKey || event.altKey) return;
  wakeStage();
  const view = byId('stage-view');
  const pan = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (event.key === 'Escape') {
    closeStage();
  } else if (pan && (view.scrollWidth > view.clientWidth || view.scrollHeight > view.clientHeight)) {
    view.scrollBy(pan[0] * PAN_PX, pan[1] * PAN_PX);
  } else if (pan && pan[0]) {
    stepStage(pan[0]);
  } else {
    return;
  }
  event.preventDefault();
}

// ---------------------------------------------------------------------------------------------- Messages

function toast(text, isError = false) {
  const element = document.createElement('div');
  element.className = isError ? 'toast error' : 'toast';
  element.textContent = text;
  if (isError) element.setAttribute('role', 'alert');
  byId('toasts').replaceChildren(element);
  setTimeout(() => element.remove(), isError ? ERROR_TOAST_MS : TOAST_MS);
}

async function copyText(text, what) {
  try {
    await navigator.clipboard.writeText(text); // missing outside of HTTPS and localhost
  } catch {
    if (!copyBySelection(text)) return toast(text);
  }
  toast(`${what} copied: ${text}`);
}

function copyBySelection(text) {
  const focused = document.activeElement;
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'hidden';
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  focused?.focus({ preventScroll: true });
  return copied;
}

const lastTold = new Map();

/** What is told again when it changes: the state, and the words about a live picture but not the numbers in them. */
function gist(stream) {
  return [stream.state, ...remark(stream).split(/-?\d[\d.,]*/)].join();
}

/** Tells assistive technology what changed since the last status. */
function announce(streams, first) {
  const news = [];
  for (const stream of streams) {
    const { name, state, reason } = stream;
    if (!first && lastTold.get(name) !== gist(stream)) news.push(`${name}: ${stateWord(state)}${reason ? `, ${reason}` : ''}`);
  }
  for (const name of lastTold.keys()) {
    if (!streams.some((stream) => stream.name === name)) news.push(`${name} left`);
  }
  lastTold.clear();
  for (const stream of streams) lastTold.set(stream.name, gist(stream));
  if (news.length) byId('announcer').textContent = news.join('. ');
}

// ---------------------------------------------------------------------------------------------- Status

const server = {
  instances: new Set(), // of those that answer: behind a load balancer there may be several
  answer: null, // the last status
  asked: 0, // when it was asked for
  answered: 0, // when it came
  unanswered: 0, // when the last question was asked that it did not answer
  clock: 0, // the server's clock minus ours
  failures: 0,
  problem: '',
  refused: false, // it wants a login, or no more of them for now: the page asks for nothing new
  polled: Date.now(),
};
let pollTimer = 0;
let polling = false;

async function poll() {
  clearTimeout(pollTimer);
  if (polling || !shown()) return;
  polling = true;
  const asked = Date.now();
  const slept = asked - server.polled > SLEEP_MS;
  server.polled = asked;
  try {
    accept(await fetchStatus(), asked, slept);
  } catch (error) {
    fail(error, asked);
  } finally {
    polling = false;
  }
  render();
  plan();
  if (!shown()) return;
  pollTimer = setTimeout(poll, server.refused ? REFUSED_MS : server.failures
    ? POLL_BACKOFF_MS[Math.min(server.failures - 1, POLL_BACKOFF_MS.length - 1)]
    : Math.max(100, POLL_MS - (Date.now() - server.polled)));
}

/** The server did not answer a question for its status. */
function fail(error, asked) {
  server.failures++;
  server.unanswered = asked;
  server.problem = error.message;
  server.refused = error instanceof Refused;
}

class Refused extends Error {}

async function fetchStatus() {
  return within(POLL_TIMEOUT_MS, async (signal) => {
    let response;
    try {
      response = await fetch(address('status'), { cache: 'no-store', signal });
    } catch {
      throw new Error(signal.aborted ? `No answer within ${duration(POLL_TIMEOUT_MS)}` : 'No connection');
    }
    if ([401, 403, 429].includes(response.status)) throw new Refused(await refusal(response));
    if (!response.ok) throw new Error(`The answer is ${`${response.status} ${response.statusText}`.trim()}`);
    const clock = Date.parse(response.headers.get('Date'));
    if (clock) server.clock = clock - Date.now();
    try {
      const answer = await response.json();
      if (Array.isArray(answer.streams)) return answer;
    } catch {
      // said below
    }
    throw new Error('The answer is not a status');
  });
}

function accept(answer, asked, slept) {
  const before = server.answer;
  const wasSilent = silent();
  const begunMeanwhile = answer.uptime_s * 1000 < Date.now() - server.asked;
  const restarted = before && begunMeanwhile && !server.instances.has(answer.instance);
  if (restarted) server.instances.clear();
  server.instances.add(answer.instance);
  answer.streams.sort((a, b) => collator.compare(a.name, b.name));
  Object.assign(server, { answer, asked, answered: Date.now(), failures: 0, problem: '', refused: false });
  updateTiles(answer.streams, serverNow());
  announce(answer.streams, !before);
  if (restarted || slept) restartPictures();
  else if (before && wasSilent) restartPictures(server.unanswered);
}

function serverNow() {
  return Date.now() + server.clock;
}

/** Whether to tell that the server does not answer; one missed beat is not worth a word. */
function silent() {
  return server.failures > 0 && (server.refused || server.failures > 1 || Date.now() - server.answered > SILENCE_MS);
}

function pictures() {
  return [stage.picture, ...[...tiles.values()].map((tile) => tile.picture)];
}

/**
 * Connections from before a restart or a sleep are dead, and images do not say so. After mere silence they may be
 * dead; but not one that was heard after the question that got no answer: the server was just slow.
 */
function restartPictures(unlessHeardAfter = Infinity) {
  for (const picture of pictures()) if (picture.heard <= unlessHeardAfter) picture.restart();
}

/** Looks after the live pictures; see Picture.look. */
function watch() {
  if (server.failures) return;
  for (const picture of pictures()) {
    const stream = tiles.get(picture.name)?.stream;
    if (stream) picture.look(stream);
  }
}

// ---------------------------------------------------------------------------------------------- Rendering

function render() {
  const { answer } = server;
  const count = answer ? answer.streams.length : 0;
  const live = answer ? answer.streams.filter((stream) => stream.state === 'live').length : 0;
  document.body.dataset.view = !answer ? 'loading' : count ? 'tiles' : 'empty';
  document.documentElement.classList.toggle('offline', silent());
  if (answer) {
    setText(byId('fact-live'), count ? (live === count ? `${live} live` : `${live} of ${count} live`) : '');
    setText(byId('fact-viewers'), plural(answer.viewers, 'viewer'));
    setText(byId('fact-version'), `v${answer.version}`);
    renderEmpty(answer);
  }
  layout();
  renderStage(serverNow());
  renderBanner();
  renderTitle(live, count);
}

function renderEmpty(answer) {
  const endpoint = answer.ingest?.endpoint || DEFAULT_ENDPOINT;
  const flag = endpoint === DEFAULT_ENDPOINT ? '' : ` --endpoint ${endpoint}`;
  setText(byId('empty-command'), `headcam-agent testcard${flag}`);
  setText(byId('empty-endpoint'), endpoint);
}

function renderBanner() {
  byId('banner').hidden = !silent();
  if (!silent()) return;
  const last = server.answered ? ` Last good answer at ${new Date(server.answered).toLocaleTimeString()}.` : '';
  setText(byId('banner-title'), server.refused ? 'The server does not let this page in.' : 'No contact with the server.');
  setText(byId('banner-text'), `${server.problem}; trying again.${last}`);
}

function renderTitle(live, count) {
  const stream = tiles.get(stage.name)?.stream;
  let title = 'headcam';
  if (silent()) title = `${server.refused ? 'Not let in' : 'No contact'} – headcam`;
  else if (stage.name !== null) title = `${stage.name}${stream && stream.state !== 'live' ? ` (${stream.state})` : ''} – headcam`;
  else if (server.answer) title = count ? `${live} live – headcam` : 'No streams – headcam';
  if (document.title !== title) document.title = title;
}

// ---------------------------------------------------------------------------------------------- Events

function onShownOrHidden() {
  peers.tell();
  clearTimeout(pollTimer);
  if (shown()) {
    server.polled = Date.now();
    poll(); // then the plan, as the streams may be others now
  } else {
    plan(); // at once: a hidden page holds no connection
  }
}

document.addEventListener('visibilitychange', onShownOrHidden);
window.addEventListener('pagehide', () => {
  leaving = true;
  onShownOrHidden();
});
window.addEventListener('pageshow', (event) => {
  leaving = false;
  if (event.persisted) onShownOrHidden();
});
window.addEventListener('online', poll);
window.addEventListener('popstate', () => {
  stage.closing = false;
  route();
});
window.addEventListener('hashchange', route);
window.addEventListener('resize', () => {
  layout();
  renderStage(serverNow());
});
document.addEventListener('keydown', onKey);
document.addEventListener('fullscreenchange', () => {
  const full = Boolean(document.fullscreenElement);
  byId('stage-full').setAttribute('aria-pressed', String(full));
  wakeStage();
});
for (const type of ['pointermove', 'pointerdown']) byId('stage').addEventListener(type, wakeStage);

byId('stage-back').addEventListener('click', closeStage);
byId('stage-previous').addEventListener('click', () => stepStage(-1));
byId('stage-next').addEventListener('click', () => stepStage(1));
byId('stage-snapshot').addEventListener('click', () => downloadSnapshot(stage.name));
byId('stage-copy').addEventListener('click', () => copyText(streamAddress(stage.name), 'URL'));
byId('stage-scale').addEventListener('click', () => {
  stage.actual = !stage.actual;
  renderStage(serverNow());
});
byId('stage-full').hidden = !document.fullscreenEnabled;
byId('stage-full').addEventListener('click', toggleFullScreen);
byId('banner-retry').addEventListener('click', poll);
byId('empty-copy').addEventListener('click', () => copyText(byId('empty-command').textContent, 'Command'));

setInterval(watch, WATCH_MS);
setInterval(() => shown() && peers.tell(), TELL_PEERS_MS);
peers.tell();
route();
poll();
