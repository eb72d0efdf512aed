import { createContext, useContext, useEffect, useMemo, useState } from "react";
import type { ReactNode } from "react";
import { en } from "./en";
import type { Words } from "./en";
import { zh } from "./zh";

export type Language = "en" | "zh";
export type Theme = "auto" | "light" | "dark";

export interface Looks {
  language: Language;
  theme: Theme;
  setLanguage: (language: Language) => void;
  setTheme: (theme: Theme) => void;
}

const WORDS: Record<Language, Words> = { en, zh };
const WordsContext = createContext<Words>(en);
const LooksContext = createContext<Looks | null>(null);

export function useWords(): Words {
  return useContext(WordsContext);
}

export function useLooks(): Looks {
  const looks = useContext(LooksContext);
  if (!looks) throw new Error("useLooks outside of LooksProvider");
  return looks;
}

export function LooksProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(() => chosenLanguage());
  const [theme, setTheme] = useState<Theme>(() => chosenTheme());
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    localStorage.setItem("onlooker.language", language);
  }, [language]);
  useEffect(() => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    localStorage.setItem("onlooker.theme", theme);
  }, [theme]);
  const looks = useMemo(
    () => ({ language, theme, setLanguage, setTheme }),
    [language, theme],
  );
  return (
    <LooksContext value={looks}>
      <WordsContext value={WORDS[language]}>{children}</WordsContext>
    </LooksContext>
  );
}

function chosenLanguage(): Language {
  const kept = localStorage.getItem("onlooker.language");
  if (kept === "en" || kept === "zh") return kept;
  return navigator.language.startsWith("zh") ? "zh" : "en";
}

function chosenTheme(): Theme {
  const kept = localStorage.getItem("onlooker.theme");
  return kept === "light" || kept === "dark" ? kept : "auto";
}

// 75.2 is 1:15.
export function clockTime(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(minutes).padStart(hours ? 2 : 1, "0")}:${String(rest).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}

export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
