export function ActivityPage() {
  return (
    <div class="page">
      <h1>Activity</h1>
    </div>
  );
}
