"""What others reach us by: HTTP, WebSocket, WebRTC and the page. One process, many sessions."""
