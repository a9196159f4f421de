# SPDX-License-Identifier: MIT
"""The usual answer in Python: http.server, a thread for each viewer, OpenCV encoding for each.

Usage: peer_python.py ADDRESS PORT FRAMES SIZE FPS QUALITY

Nothing is made slow on purpose: frames are BGR before the start, a viewer waits for the newest one
without polling, and a frame goes out in one write.
"""

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy


class Camera(threading.Thread):
    """Shows one frame after the other at a fixed rate, forth and back."""

    def __init__(self, path: str, width: int, height: int, fps: float) -> None:
        super().__init__(daemon=True)
        rgba = numpy.fromfile(path, numpy.uint8).reshape(-1, height, width, 4)
        self.frames = [cv2.cvtColor(frame, cv2.COLOR_RGBA2BGR) for frame in rgba]
        self.period = 1.0 / fps
        self.changed = threading.Condition()
        self.number = 0
        self.captured = 0.0
        self.frame = self.frames[0]

    def run(self) -> None:
        order = self.frames + self.frames[-2:0:-1]
        began = time.monotonic()
        while True:
            time.sleep(max(0.0, began + (self.number + 1) * self.period - time.monotonic()))
            with self.changed:
                self.number += 1
                self.frame = order[self.number % len(order)]
                self.captured = time.time()
                self.changed.notify_all()

    def wait_newer(self, number: int) -> tuple[int, numpy.ndarray, float]:
        """Returns number, frame and capture time of a frame newer than the given number."""
        with self.changed:
            self.changed.wait_for(lambda: self.number > number)
            return self.number, self.frame, self.captured


class Handler(BaseHTTPRequestHandler):
    camera: Camera
    quality: int

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        number = 0
        try:
            while True:
                number, frame, captured = self.camera.wait_newer(number)
                _, jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
                head = (
                    f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n"
                    f"X-Timestamp: {captured:.6f}\r\n\r\n"
                )
                self.wfile.write(head.encode() + jpeg.tobytes() + b"\r\n")
        except ConnectionError:
            pass

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    address, port, path, size, fps, quality = sys.argv[1:]
    width, height = map(int, size.split("x"))
    Handler.camera = Camera(path, width, height, float(fps))
    Handler.quality = int(quality)
    server = ThreadingHTTPServer((address, int(port)), Handler)
    server.daemon_threads = True
    Handler.camera.start()
    server.serve_forever()


main()
