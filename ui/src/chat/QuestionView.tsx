import type { Message } from "../state/conversation";

export function QuestionView({ message }: { message: Message }) {
  return (
    <article class="turn question" aria-label="You">
      {message.images && (
        <div class="pictures">
          {message.images.map((image, index) => (
            <img key={index} src={`data:image/jpeg;base64,${image}`} alt={`Attachment ${index + 1}`} />
          ))}
        </div>
      )}
      {message.content && <p>{message.content}</p>}
    </article>
  );
}
