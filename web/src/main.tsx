import "@fontsource-variable/inter/index.css";
import "./styles/theme.css";
import "./styles/base.css";
import "./styles/frame.css";
import "./styles/start.css";
import "./styles/stage.css";
import "./styles/live.css";
import "./styles/side.css";
import "./styles/pages.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { takeTokenFromAddress } from "./api/rest";
import { App } from "./app";
import { LooksProvider } from "./words/words";

takeTokenFromAddress();
const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <LooksProvider>
      <App />
    </LooksProvider>
  </StrictMode>,
);
