const LISTED = 100;

/** List the objects whose id has the text that is typed. */
function searchObjects(objects, openObject) {
  const search = document.getElementById("search");
  const list = () => {
    const wanted = search.value.trim().toLowerCase();
    const places = [...objects.keys()].filter((place) => objects[place].id.toLowerCase().includes(wanted));
    const listed = places.slice(0, LISTED);
    const more = places.length > LISTED ? `, the first ${LISTED} are listed` : "";
    document.getElementById("found").textContent = `${places.length} of ${objects.length} objects${more}`;
    document.getElementById("list").replaceChildren(...listed.map((place) => listObject(objects[place].id, place, openObject)));
  };
  search.addEventListener("input", list);
  list();
}

function listObject(name, place, openObject) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = name;
  button.addEventListener("click", () => openObject(place));
  item.append(button);
  return item;
}
