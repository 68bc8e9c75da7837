export function ConnectPage() {
  return (
    <div class="page">
      <h1>Connect</h1>
    </div>
  );
}
