const content = JSON.parse(document.getElementById("content").textContent);
const order = content.galleries.flatMap((gallery) => gallery.items.map((item) => item.object));
const openObject = makeViewer(content.objects, [...new Set(order)]);

for (const image of document.querySelectorAll("[data-photograph]")) {
  image.src = content.objects[image.dataset.photograph].picture.photograph;
}
for (const button of document.querySelectorAll("[data-object]")) {
  button.addEventListener("click", () => openObject(Number(button.dataset.object)));
}
searchObjects(content.objects, openObject);
drawCharts(content.charts, openObject);
