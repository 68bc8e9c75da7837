import { models, reach } from "../state/live";
import { ModelCard } from "./ModelCard";

export function ModelsPage() {
  return (
    <div class="page">
      <h1>Models</h1>
      {models.value.length === 0 ? (
        <p class="muted">
          {reach.value === "up"
            ? "None yet. Describe one in the model descriptor file; it shows up here by itself."
            : "Waiting for the service…"}
        </p>
      ) : (
        <ul class="cards">
          {models.value.map((each) => (
            <ModelCard key={each.model} status={each} />
          ))}
        </ul>
      )}
    </div>
  );
}
