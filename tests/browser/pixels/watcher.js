// SPDX-License-Identifier: MIT
//
// Runs in the page: reads the test card's strip (capture_agent/headcam/sources/testcode.py) off a picture, once for
// each frame that the browser draws, and notes when which number was there first.

window.Watcher = (() => {
  const COLUMNS = 48;
  const ROWS = 2;
  const STRIP_FRACTION = 20;
  const PATTERN = [0x35, 0xca];
  const CODE_BYTES = COLUMNS * ROWS / 8;
  const CRC_START = 0xffff;
  const CRC_POLYNOMIAL = 0x1021;
  const LEAST_CONTRAST = 64;
  const SAMPLES = 4;
  const WEBSOCKET_WINDOW = 4;

  function crc16(bytes) {
    let crc = CRC_START;
    for (const byte of bytes) {
      crc ^= byte << 8;
      for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? crc << 1 ^ CRC_POLYNOMIAL : crc << 1) & 0xffff;
    }
    return crc;
  }

  /** The mean luma of a cell's middle half, where its neighbours' ringing is weakest. */
  function level({ data, width }, left, top, right, bottom) {
    let total = 0;
    for (let j = 0; j < SAMPLES; j++) {
      const y = Math.floor(top + (bottom - top) * (0.25 + (j + 0.5) / (2 * SAMPLES)));
      for (let i = 0; i < SAMPLES; i++) {
        const x = Math.floor(left + (right - left) * (0.25 + (i + 0.5) / (2 * SAMPLES)));
        const at = 4 * (y * width + x);
        total += 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
      }
    }
    return total / SAMPLES ** 2;
  }

  /** The frame's number and its time in ms since the epoch, from an ImageData of the strip; null without a strip. */
  function decode(strip, stripHeight) {
    const levels = [];
    for (let row = 0; row < ROWS; row++) {
      const top = strip.height - stripHeight + row * stripHeight / ROWS;
      for (let column = 0; column < COLUMNS; column++) {
        const left = column * strip.width / COLUMNS;
        levels.push(level(strip, left, top, left + strip.width / COLUMNS, top + stripHeight / ROWS));
      }
    }
    const [least, most] = [Math.min(...levels), Math.max(...levels)];
    if (most - least < LEAST_CONTRAST) return null;
    const bytes = new Uint8Array(CODE_BYTES);
    levels.forEach((value, cell) => {
      if (value > (least + most) / 2) bytes[cell >> 3] |= 0x80 >> (cell & 7);
    });
    bytes.forEach((byte, index) => { bytes[index] = byte ^ PATTERN[index % PATTERN.length]; });
    const view = new DataView(bytes.buffer);
    if (crc16(bytes.subarray(0, -2)) !== view.getUint16(CODE_BYTES - 2)) return null;
    return { number: view.getUint32(0), time: view.getUint16(4) * 2 ** 32 + view.getUint32(6) };
  }

  const newContext = () => document.createElement('canvas').getContext('2d', { willReadFrequently: true });

  /**
   * What drawImage() takes the pixels from. Firefox keeps what it drew of an image for seconds, and draws that again,
   * whatever came since; but it makes a bitmap anew.
   */
  async function pixelsOf(source) {
    return source instanceof HTMLImageElement && navigator.userAgent.includes('Firefox/') ? createImageBitmap(source) : source;
  }

  /** What decode() finds in the strip of a picture of so many pixels. */
  async function readStrip(context, source, width, height) {
    const stripHeight = height / STRIP_FRACTION;
    const rows = Math.ceil(stripHeight);
    if (!width || !rows) return null;
    const { canvas } = context;
    if (canvas.width !== width || canvas.height !== rows) [canvas.width, canvas.height] = [width, rows];
    context.drawImage(await pixelsOf(source), 0, rows - height);
    return decode(context.getImageData(0, 0, width, rows), stripHeight);
  }

  async function decodeOnHttps(bytes) {
    const { image } = await new ImageDecoder({ data: bytes, type: 'image/jpeg' }).decode();
    return { source: image, width: image.displayWidth, height: image.displayHeight };
  }

  async function decodeOnHttp(bytes) {
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }));
    return { source: bitmap, width: bitmap.width, height: bitmap.height };
  }

  /** Opens stream `name` as the viewer page does where it takes a WebSocket; returns its canvas. */
  function overWebSocket(name, decodeJpeg) {
    const canvas = document.createElement('canvas');
    const url = new URL(`ws/${name}?window=${WEBSOCKET_WINDOW}`, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    let newest = null;
    let drawing = false;
    socket.onmessage = async ({ data }) => {
      if (typeof data === 'string') return;
      newest = data;
      if (drawing) return;
      drawing = true;
      while (newest) {
        const message = newest;
        newest = null;
        const header = new DataView(message);
        const { source, width, height } = await decodeJpeg(new Uint8Array(message, header.getUint16(6, true)));
        if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
        canvas.getContext('2d').drawImage(source, 0, 0);
        source.close();
        socket.send(JSON.stringify({ ack: Number(header.getBigUint64(8, true)) }));
      }
      drawing = false;
    };
    return canvas;
  }

  function byImage(name, query) {
    const image = new Image();
    image.src = `stream/${name}?${query}`;
    return image;
  }

  const WAYS = {
    'content-length': (name) => byImage(name, 'advance_headers=0'),
    'advance-headers': (name) => byImage(name, 'advance_headers=1'),
    websocket: (name) => overWebSocket(name, decodeOnHttps),
    'websocket, plain HTTP': (name) => overWebSocket(name, decodeOnHttp),
  };

  return class {
    /** Watches `source`, an image or a canvas in the page. `sightings`: each number when it was there first. */
    constructor(source) {
      this.source = source;
      this.sightings = [];
      this.context = newContext();
      const drawn = async () => {
        await this.look();
        requestAnimationFrame(drawn);
      };
      requestAnimationFrame(drawn);
    }

    /** Puts stream `name` into an empty page, in one of the ways, and watches it. */
    static open(way, name) {
      const source = WAYS[way](name);
      source.style.width = '100%';
      document.body.replaceChildren(source);
      return new this(source);
    }

    /** The number and time on one picture, a Blob. */
    static async read(blob) {
      const bitmap = await createImageBitmap(blob);
      return readStrip(newContext(), bitmap, bitmap.width, bitmap.height);
    }

    async look() {
      const { source } = this;
      const began = performance.now();
      const code = await readStrip(this.context, source, source.naturalWidth ?? source.width, source.naturalHeight ?? source.height);
      const seen = performance.now();
      if (!code || code.number === this.sightings.at(-1)?.number) return;
      this.sightings.push({ ...code, seen: performance.timeOrigin + seen, read: seen - began });
    }
  };
})();
