// Rings on time in tabs that are not looked at, too: a page's own timers are slowed there.
onmessage = ({ data: { id, waitMs } }) => setTimeout(() => postMessage(id), waitMs);
