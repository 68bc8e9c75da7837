import { useEffect, useRef } from "preact/hooks";
import { CloseIcon } from "../shell/icons";
import { History } from "./History";

export function HistoryDialog({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="drawer" aria-label="Chats" onClose={onClose}>
      <button type="button" class="quiet close" aria-label="Close" onClick={() => dialog.current?.close()}>
        <CloseIcon />
      </button>
      <History onChoose={() => dialog.current?.close()} />
    </dialog>
  );
}
