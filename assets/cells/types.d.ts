// What the cells of a matrix exchange with the page (ui/matrix_cells.py).

export interface PageData {
  coder: string;
  classes: string[];
  codes: string[];
  texts: string[][]; // rows are truth
}

export interface Component {
  parentElement: ParentNode;
  data: PageData;
  setTriggerValue(name: string, value: unknown): void;
}
