// Notes when the page's video shows another marker, and when the page shows other words.
() => {
  const log = { seen: [], said: [] };
  window.markerLog = log;
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });

  function markerOf(video) {
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    context.drawImage(video, 0, 0);
    const shorter = Math.min(canvas.width, canvas.height);
    const cell = (shorter * 0.5) / 11;
    let number = 0;
    for (let row = 3; row < 8; row += 1) {
      for (let column = 3; column < 8; column += 1) {
        const x = Math.floor(shorter * 0.05 + (column + 0.5) * cell);
        const y = Math.floor(shorter * 0.05 + (row + 0.5) * cell);
        number = number * 2 + (context.getImageData(x, y, 1, 1).data[0] > 127 ? 1 : 0);
      }
    }
    return Math.floor(number / 512);
  }

  function follow(video) {
    const look = () => {
      const value = markerOf(video);
      if (value !== log.seen.at(-1)?.value) log.seen.push({ value, atMs: performance.now() });
      if (video.isConnected) video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  }

  new MutationObserver(() => {
    const video = document.querySelector("video");
    if (video && !video.isFollowed) {
      video.isFollowed = true;
      follow(video);
    }
    const text = document.querySelector(".says-text")?.textContent;
    if (text && text !== log.said.at(-1)?.text) log.said.push({ text, atMs: performance.now() });
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
};
