export type State =
  | "idle"
  | "waiting_for_card"
  | "waiting_for_tokenizer"
  | "starting"
  | "initializing"
  | "ready"
  | "processing_prompt"
  | "outputting"
  | "cancelling"
  | "stopping"
  | "failed";

export interface Progress {
  stage: string;
  layer: number | null;
  layers: number;
  percent: number;
  cmm_remaining_mb: number | null;
}

export interface PromptInHand {
  phase: string;
  prompt_tokens: number;
  generated_tokens: number;
  tokens_per_second: number | null;
  seconds: number;
}

export interface ModelStatus {
  model: string;
  status: State;
  since: string;
  progress: Progress | null;
  prompt: PromptInHand | null;
  expires_at: string | null;
  queue_length: number;
  context_length: number | null;
  cmm_remaining_mb: Record<string, number>;
  failure: { reason: string; log: string[] } | null;
}

export interface StuckCard {
  device: number;
  reason: string;
  reset_with: string;
}

export interface StatusAnswer {
  models: ModelStatus[];
  stuck_cards: StuckCard[];
  descriptor: { file: string; problems: string[] } | null;
}

export interface Transition {
  from: State;
  to: State;
  trigger: string;
  at: string;
  reason?: string;
}

export interface ChatLine {
  message?: { content?: string; thinking?: string };
  done?: boolean;
  done_reason?: string;
  error?: string;
  load_duration?: number;
  prompt_eval_count?: number;
  prompt_eval_duration?: number;
  eval_count?: number;
  eval_duration?: number;
}
