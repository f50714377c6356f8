// The sheet to print: its one button.

document.getElementById("print").addEventListener("click", () => print());
