const find = document.getElementById("find");
const items = [...document.querySelectorAll("#movies li")];

function show() {
  const wanted = find.value.trim().toLowerCase();
  let shown = 0;
  for (const item of items) {
    item.hidden = !item.textContent.toLowerCase().includes(wanted);
    if (!item.hidden) shown += 1;
  }
  document.getElementById("count").textContent = `${shown} of ${items.length}`;
}

find.addEventListener("input", show);
show();
