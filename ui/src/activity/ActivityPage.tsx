import { useEffect } from "preact/hooks";
import { models } from "../state/live";
import { askMetrics, firstTokens, loads, queues, speeds, temperatures } from "./figures";
import { refresh } from "./histories";
import { Plot } from "./Plot";
import { Timeline } from "./Timeline";
import { Transitions } from "./Transitions";

export function ActivityPage() {
  const all = models.value;
  const hasCard = temperatures.version.value > 0 && temperatures.lines.size > 0;
  useEffect(askMetrics, []);
  useEffect(() => refresh(all), [all]);
  return (
    <div class="page">
      <h1>Activity</h1>
      <div class="plots">
        <Plot
          title="Speed"
          unit="tokens/s"
          series={speeds}
          nothing="No answer yet since the page was opened."
        />
        <Plot
          title="Time to first token"
          unit="s"
          series={firstTokens}
          nothing="No prompt yet since this view was opened."
          dots
        />
        <Plot title="Queue" unit="prompts that wait" series={queues} nothing="" />
        {hasCard && <Plot title="Temperature" unit="°C" series={temperatures} nothing="" />}
        {hasCard && <Plot title="NPU load" unit="%" series={loads} nothing="" />}
      </div>
      {!hasCard && <p class="muted no-card">Temperature and NPU load show where axcl-smi is installed.</p>}
      <Timeline />
      <Transitions />
    </div>
  );
}
