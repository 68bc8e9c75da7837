export function Bar({ percent, label }: { percent: number; label: string }) {
  const whole = Math.round(Math.min(Math.max(percent, 0), 100));
  return (
    <div
      class="bar"
      role="progressbar"
      aria-label={label}
      aria-valuenow={whole}
      aria-valuemin={0}
      aria-valuemax={100}
    >
      <div style={{ transform: `scaleX(${whole / 100})` }} />
    </div>
  );
}
