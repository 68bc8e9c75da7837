import { CloseIcon } from "../shell/icons";

export function Attachments({ images, onRemove }: { images: string[]; onRemove: (index: number) => void }) {
  if (!images.length) return null;
  return (
    <ul class="attachments" aria-label="Pictures to send">
      {images.map((image, index) => (
        <li key={index}>
          <img src={`data:image/jpeg;base64,${image}`} alt={`Attachment ${index + 1}`} />
          <button
            type="button"
            class="quiet"
            aria-label={`Remove picture ${index + 1}`}
            onClick={() => onRemove(index)}
          >
            <CloseIcon />
          </button>
        </li>
      ))}
    </ul>
  );
}
