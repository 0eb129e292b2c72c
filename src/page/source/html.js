/* Templates for Preact. What is put into them is text or an element, never markup: nothing that
 * comes from the cluster is ever parsed as HTML. */
import htm from "htm";
import { h } from "preact";

export const html = htm.bind(h);
