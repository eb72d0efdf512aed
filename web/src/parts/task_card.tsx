// A question to the background brain: what it is doing, what came of it.
import { openArtefact } from "../api/server";
import type { Task } from "../live/state";
import { useWatching } from "../live/use";
import { bytesText, clockTime, useWords } from "../words/words";
import { Icon } from "./icons";
import { Markdown } from "./markdown";

export function TaskCard({ task }: { task: Task }) {
  const words = useWords();
  const [{ live }, watching] = useWatching();
  const session = live.session?.id ?? "";
  const isRunning = task.status === "running";
  return (
    <li className={`task task-${task.status}`}>
      <p className="line-head">
        <span>
          <Icon name="bolt" size={14} /> {words.tasks.title}
        </span>
        <time>{clockTime(task.askedS)}</time>
      </p>
      <p className="task-question">{task.question}</p>
      <p className="task-state" role="status">
        {isRunning && <span className="spinner" aria-hidden="true" />}
        {words.tasks[task.status]}
        {task.progress && ` · ${task.progress}`}
        {task.tookS !== null && ` · ${words.tasks.took(`${task.tookS.toFixed(1)} s`)}`}
      </p>
      {task.text && <Markdown text={task.text} />}
      {task.artefacts.length > 0 && (
        <ul className="task-artefacts">
          {task.artefacts.map((artefact, index) => (
            <li key={artefact.path}>
              <button
                type="button"
                className="button small"
                onClick={() => void openArtefact(session, task.id, index, artefact.title)}
              >
                <Icon name="download" size={16} />
                {words.tasks.artefact(artefact.title || artefact.kind, bytesText(artefact.num_bytes))}
              </button>
            </li>
          ))}
        </ul>
      )}
      {isRunning && (
        <button type="button" className="button small" onClick={() => watching.cancelTask(task.id)}>
          {words.tasks.cancel}
        </button>
      )}
    </li>
  );
}
