import { useEffect, useRef, useState } from "preact/hooks";
import { PictureIcon, SendIcon, StopIcon } from "../shell/icons";
import { answering, type Draft, stop } from "../state/answering";
import { current } from "../state/conversations";
import { Attachments } from "./Attachments";
import { picturesIn, scaled } from "./pictures";

interface Props {
  sees: boolean;
  isReady: boolean;
  onSend: (draft: Draft) => void;
}

/** Where the question is written. */
export function Composer({ sees, isReady, onSend }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [images, setImages] = useState<string[]>([]);
  const [problem, setProblem] = useState("");
  const { id } = current.value;
  const isRunning = answering.value !== null;

  useEffect(() => field.current?.focus({ preventScroll: true }), [id]);
  useEffect(() => {
    if (!sees) setImages([]);
  }, [sees]);

  const add = async (files: File[]) => {
    setProblem("");
    try {
      const made = await Promise.all(files.map(scaled));
      setImages((before) => [...before, ...made]);
    } catch {
      setProblem("That file is no picture this browser can read.");
    }
  };
  const send = () => {
    if (!isReady || !(text.trim() || images.length)) return;
    onSend({ text: text.trim(), images });
    setText("");
    setImages([]);
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      onDragOver={(event) => sees && event.preventDefault()}
      onDrop={(event) => {
        if (!sees) return;
        event.preventDefault();
        add(picturesIn(event.dataTransfer));
      }}
    >
      <div class="column">
        <Attachments
          images={images}
          onRemove={(gone) => setImages(images.filter((_, index) => index !== gone))}
        />
        {problem && (
          <p class="error" role="alert">
            {problem}
          </p>
        )}
        <div class="box">
          {sees && (
            <button
              type="button"
              class="quiet round"
              aria-label="Add pictures"
              onClick={() => picker.current?.click()}
            >
              <PictureIcon />
            </button>
          )}
          <textarea
            ref={field}
            rows={1}
            aria-label="Message"
            placeholder="Write a message"
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
            onPaste={(event) => {
              const found = sees ? picturesIn(event.clipboardData) : [];
              if (found.length) {
                event.preventDefault();
                add(found);
              }
            }}
            onKeyDown={(event) => {
              // While a word is being composed, Enter takes the word.
              if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
              event.preventDefault();
              send();
            }}
          />
          {isRunning ? (
            <button type="button" class="primary round" aria-label="Stop the answer" onClick={stop}>
              <StopIcon />
            </button>
          ) : (
            <button
              type="submit"
              class="primary round"
              aria-label="Send"
              disabled={!isReady || !(text.trim() || images.length)}
            >
              <SendIcon />
            </button>
          )}
        </div>
        <input
          ref={picker}
          type="file"
          accept="image/*"
          multiple
          hidden
          onChange={(event) => {
            add([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = "";
          }}
        />
      </div>
    </form>
  );
}
