import { render } from "preact";
import { collect } from "./activity/figures";
import { App } from "./app";
import { readKept } from "./state/conversations";
import { begin } from "./state/live";
import "./style/index.css";

const place = document.getElementById("page");
if (place) render(<App />, place);
readKept();
begin();
collect();
