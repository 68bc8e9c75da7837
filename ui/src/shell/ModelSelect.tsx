import { models } from "../state/live";

/** Chooses one of the models. */
export function ModelSelect({
  value,
  onChange,
  label = "Model",
}: {
  value: string;
  onChange: (model: string) => void;
  label?: string;
}) {
  const names = models.value.map((each) => each.model);
  const isGone = value !== "" && !names.includes(value);
  return (
    <select
      class="model-select"
      aria-label={label}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    >
      {isGone && <option value={value}>{value} (gone)</option>}
      {names.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}
